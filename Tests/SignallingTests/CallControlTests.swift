import Base
import CallModel
import SIP
import Testing

@testable import Signalling

// STIR, passwords, registration and transfers over real sockets.

private let url = "https://certificates.example/shaken.pem"

/// Made for these tests with OpenSSL: a P-256 key, a certificate of it until 2126, the same until 2020
/// (its own signature no longer fits, which nobody looks at), and the certificate of another key.
private let privateKey = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg400RUFQI69Oia8IK
    5mfIHNPxcNTy5feORuo5TqjiAdWhRANCAAS2t5HgJ2VVkTNav/XagOju/Tlh6M2R
    tbJeARV3ko3rr16bzOIqt307eEd2BPkKwzAQwDioFnGpIzh83K0MWEgk
    -----END PRIVATE KEY-----
    """
private let certificate = """
    -----BEGIN CERTIFICATE-----
    MIIBtjCCAVugAwIBAgIUCVGKU9P6CVewZR7wFMJ2vXu/zXEwCgYIKoZIzj0EAwIw
    LzEUMBIGA1UEAwwLU0hBS0VOIDEyMzQxFzAVBgNVBAoMDlRydW5rbGluZSB0ZXN0
    MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjYxMTA1MDIwNDM2WjAvMRQwEgYDVQQDDAtT
    SEFLRU4gMTIzNDEXMBUGA1UECgwOVHJ1bmtsaW5lIHRlc3QwWTATBgcqhkjOPQIB
    BggqhkjOPQMBBwNCAAS2t5HgJ2VVkTNav/XagOju/Tlh6M2RtbJeARV3ko3rr16b
    zOIqt307eEd2BPkKwzAQwDioFnGpIzh83K0MWEgko1MwUTAdBgNVHQ4EFgQU/2sY
    vKC/zhLRzf8VVG5heJHx40UwHwYDVR0jBBgwFoAU/2sYvKC/zhLRzf8VVG5heJHx
    40UwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAixS2nbgOscgx
    k+gYHXu3kK/uQx/BsttBPycMU6JBIiQCIQD1m95glz+HCYF2KLcNgmEInGh7EopC
    wOlIBlveauGYRQ==
    -----END CERTIFICATE-----
    """
private let expired = """
    -----BEGIN CERTIFICATE-----
    MIIBtjCCAVugAwIBAgIUCVGKU9P6CVewZR7wFMJ2vXu/zXEwCgYIKoZIzj0EAwIw
    LzEUMBIGA1UEAwwLU0hBS0VOIDEyMzQxFzAVBgNVBAoMDlRydW5rbGluZSB0ZXN0
    MCAXDTIwMDEwMTAwMDAwMFoYDzIwMjAwMjAxMDAwMDAwWjAvMRQwEgYDVQQDDAtT
    SEFLRU4gMTIzNDEXMBUGA1UECgwOVHJ1bmtsaW5lIHRlc3QwWTATBgcqhkjOPQIB
    BggqhkjOPQMBBwNCAAS2t5HgJ2VVkTNav/XagOju/Tlh6M2RtbJeARV3ko3rr16b
    zOIqt307eEd2BPkKwzAQwDioFnGpIzh83K0MWEgko1MwUTAdBgNVHQ4EFgQU/2sY
    vKC/zhLRzf8VVG5heJHx40UwHwYDVR0jBBgwFoAU/2sYvKC/zhLRzf8VVG5heJHx
    40UwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAixS2nbgOscgx
    k+gYHXu3kK/uQx/BsttBPycMU6JBIiQCIQD1m95glz+HCYF2KLcNgmEInGh7EopC
    wOlIBlveauGYRQ==
    -----END CERTIFICATE-----
    """
private let strange = """
    -----BEGIN CERTIFICATE-----
    MIIBgTCCASegAwIBAgIUcVnFiatyI9SeAvWe3PvqvCGtt5AwCgYIKoZIzj0EAwIw
    FTETMBEGA1UEAwwKU0hBS0VOIDk5OTAgFw0yMDAxMDEwMDAwMDBaGA8yMTI2MTEw
    NTAyMDQzNlowFTETMBEGA1UEAwwKU0hBS0VOIDk5OTBZMBMGByqGSM49AgEGCCqG
    SM49AwEHA0IABMhHteZRXQ3dHOXOQPSIfV0fLfCW0VwFMjWhyoJfWQJ3LzlelPz/
    6HRclb3OeWMCxcS74FKBqTK0rHIWbq+jPi+jUzBRMB0GA1UdDgQWBBRLW+jrxHaA
    vUTINhwUWi+moa8zBzAfBgNVHSMEGDAWgBRLW+jrxHaAvUTINhwUWi+moa8zBzAP
    BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDlrIeZGYevM6/kXEJe
    FumgmTsYOFpQ6+48ONfVyvwTbwIgd0YGi9AoLzDtjkmtNDM2nqGqDUppwTOxlPVJ
    O/6kL9Q=
    -----END CERTIFICATE-----
    """

private func signer() -> IdentityConfiguration {
    IdentityConfiguration(
        signing: IdentityConfiguration.Signing(
            privateKey: Redacted(privateKey), certificateURL: url, attestation: .full))
}

/// What the callee's record will say of a call to `user`.
private func label(
    certificates: [String: String], signs: Bool = true, user: String = "+12125550100"
) async throws -> String? {
    let caller = try await Phone { if signs { $0.identity = signer() } }
    let callee = try await Phone {
        $0.identity = IdentityConfiguration(certificates: certificates)
    }
    let events = Events()
    let leg = caller.call(port: callee.port, user: user, to: events)
    let call = try await callee.calls.first()
    let identity = call.identity
    leg.hangUp()
    _ = try await events.ended()
    await caller.agent.shutdown()
    await callee.agent.shutdown()
    return identity
}

@Test func signedCallIsVerifiedByItsCertificate() async throws {
    #expect(try await label(certificates: [url: certificate]) == "verified_A")
}

@Test func signatureThatProvesNothingIsSaidSo() async throws {
    #expect(try await label(certificates: [:]) == "failed_unknown_certificate")
    #expect(try await label(certificates: [url: strange]) == "failed_bad_signature")
    #expect(try await label(certificates: [url: expired]) == "failed_bad_certificate")
    #expect(try await label(certificates: [url: certificate], signs: false) == "absent")
    // What is no number cannot be signed.
    #expect(try await label(certificates: [url: certificate], user: "echo") == "absent")
}

@Test func unusableKeyOrCertificateStopsTheStart() async throws {
    for identity in [
        IdentityConfiguration(
            signing: IdentityConfiguration.Signing(
                privateKey: Redacted("no key"), certificateURL: url, attestation: .partial)),
        IdentityConfiguration(certificates: [url: "no certificate"]),
    ] {
        await #expect(throws: SignallingError.self) {
            _ = try await Phone { $0.identity = identity }
        }
    }
}

@Test func certificateCutAnywhereIsRefusedAndNeverATrap() {
    for length in stride(from: 0, to: certificate.utf8.count - 40, by: 7) {
        let cut = String(certificate.prefix(length)) + "\n-----END CERTIFICATE-----"
        #expect(SignerCertificate(pem: cut) == nil)
    }
    #expect(SignerCertificate(pem: certificate) != nil)
}

@Test func callerProvesItselfWithItsTrunksPassword() async throws {
    let callee = try await Phone {
        $0.callerAuthentication = CallerAuthentication(
            realm: "trunkline", users: ["alice": Redacted("secret")])
    }
    let caller = try await Phone {
        $0.trunk = TrunkConfiguration(
            host: "127.0.0.1", port: callee.port, username: "alice", password: Redacted("secret"))
    }
    let events = Events()
    let leg = caller.call(port: callee.port, to: events)
    let call = try await callee.calls.first()
    #expect(call.authenticatedUser == "alice")
    leg.hangUp()
    _ = try await events.ended()
    let stranger = try await Phone()
    let refused = Events()
    _ = stranger.call(port: callee.port, to: refused)
    #expect(try await refused.ended() == .ended(.configurationError, status: 401))
    for phone in [caller, callee, stranger] { await phone.agent.shutdown() }
}

@Test func trunkIsRegisteredWithAndCallsTakeItsServiceRoute() async throws {
    let registrar = try await ScriptedPeer { message in
        guard message.method == .register else {
            return message.method == .invite ? [message.makeResponse(486, toTag: "t")] : []
        }
        var response = message.makeResponse(200, toTag: "t")
        response.headers.append(.contact, message.headers[.contact] ?? "")
        response.headers.append(.serviceRoute, "<sip:127.0.0.1;lr>")
        return [response]
    }
    let port = registrar.port
    let phone = try await Phone {
        $0.trunk = TrunkConfiguration(host: "127.0.0.1", port: port, username: "alice")
        $0.trunk?.registration = TrunkRegistration()
        $0.trunk?.callerIdentity = CallerIdentity(assertion: .asserted)
    }
    let register = try await registrar.received.first { $0.method == .register }
    #expect(register.headers[.to] == "<sip:alice@127.0.0.1>")
    // The answer is in when the next look at the agent's loop is.
    while await phone.agent.serviceRoute(ofTrunk: 0) == nil { await Task.yield() }
    let events = Events()
    _ = phone.agent.place(
        OutboundCall(
            id: CallID("c"), target: "+12125550100", from: "+12125550199", offer: offer)
    ) { events.put($0) }
    let invite = try await registrar.received.first { $0.method == .invite }
    #expect(invite.headers[.route] == "<sip:127.0.0.1;lr>")
    #expect(invite.headers[.assertedIdentity] == "<sip:+12125550199@127.0.0.1>")
    #expect(try await events.ended() == .ended(.busy, status: 486))
    await phone.agent.shutdown()
    // Taken back at the end.
    #expect(registrar.received.everything.contains { $0.headers[.expires] == "0" })
}

@Test func attendedTransferJoinsTheTwoOthers() async throws {
    let (boss, customer, agent) = (try await Phone(), try await Phone(), try await Phone())
    let (toCustomer, toAgent) = (Events(), Events())
    let first = boss.call(port: customer.port, to: toCustomer)
    let customerSide = Events()
    let customerLeg = try await customer.calls.first().answer(sdp: answer) { customerSide.put($0) }
    _ = try await toCustomer.answered()
    let second = boss.call(port: agent.port, to: toAgent)
    let agentSide = Events()
    _ = try await agent.calls.first().answer(sdp: answer) { agentSide.put($0) }
    _ = try await toAgent.answered()
    _ = try await agentSide.answered()

    first.transfer(to: "sip:agent@127.0.0.1:\(agent.port)", consulted: second)
    let event = try await customerSide.first {
        if case .transferRequested = $0 { true } else { false }
    }
    guard case .transferRequested(let wish) = event else { return }
    customerLeg.acceptTransfer()
    let third = Events()
    _ = customer.agent.place(
        OutboundCall(
            id: CallID("third"), target: wish.target, from: "customer", offer: offer,
            headers: wish.headers.map { ($0.key, $0.value) })
    ) { third.put($0) }
    let replacing = try await agent.calls.first()
    #expect(replacing.replacesCall)
    let newSide = Events()
    _ = replacing.answer(sdp: answer) { newSide.put($0) }
    _ = try await third.answered()
    customerLeg.reportTransfer(status: 200)
    _ = try await toCustomer.first { $0 == .transferProgress(status: 200, isFinal: true) }
    // The agent's first call made room for the second.
    #expect(try await agentSide.ended() == .ended(.transferred, status: 200))
    #expect(try await toAgent.ended() == .ended(.remoteHangup, status: 200))
    for phone in [boss, customer, agent] { await phone.agent.shutdown() }
}
