import Base
import Testing

/// FIPS 180-4 / NIST "Example Values"; 20,000 × `a` from Python's hashlib.
@Test func digestsAreThoseOfTheStandard() {
    func digest(_ text: String) -> String { Hex.encode(SHA256Hasher.hash(Array(text.utf8))) }
    #expect(
        digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
        digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
        digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
            == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    #expect(
        digest(
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu")
            == "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1")
    #expect(
        digest(String(repeating: "a", count: 20_000))
            == "cc17faaad36649c4603dda4d8ff97cb149722af0bcac0746305a2134ad2d0b97")
}

/// Around the padding's and the block's edges (bytes 0, 1, 2, …; expected values from Python).
@Test func digestsAtTheEdgesOfPaddingAndBlock() {
    let expected: [(Int, String)] = [
        (55, "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59"),
        (56, "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562"),
        (57, "2fe741af801cc238602ac0ec6a7b0c3a8a87c7fc7d7f02a3fe03d1c12eac4d8f"),
        (63, "29af2686fd53374a36b0846694cc342177e428d1647515f078784d69cdb9e488"),
        (64, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"),
        (65, "4bfd2c8b6f1eec7a2afeb48b934ee4b2694182027e6d0fc075074f2fabb31781"),
        (119, "da18797ed7c3a777f0847f429724a2d8cd5138e6ed2895c3fa1a6d39d18f7ec6"),
        (120, "f52b23db1fbb6ded89ef42a23ce0c8922c45f25c50b568a93bf1c075420bbb7c"),
        (128, "471fb943aa23c511f6f72f8d1652d9c880cfa392ad80503120547703e56a2be5"),
    ]
    for (count, digest) in expected {
        #expect(Hex.encode(SHA256Hasher.hash((0..<count).map { UInt8($0) })) == digest, "\(count)")
    }
}

@Test func digestDoesNotDependOnHowTheBytesArrive() {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let whole = SHA256Hasher.hash(bytes)
    for step in [1, 3, 63, 64, 65, 299] {
        var hasher = SHA256Hasher()
        for start in stride(from: 0, to: bytes.count, by: step) {
            hasher.update(bytes[start..<min(start + step, bytes.count)])
        }
        #expect(hasher.finish() == whole, "step \(step)")
    }
}

@Test func aFinishedHasherStartsAfresh() {
    var hasher = SHA256Hasher()
    hasher.update(Array("something".utf8))
    _ = hasher.finish()
    hasher.update(Array("abc".utf8))
    #expect(hasher.finish() == SHA256Hasher.hash(Array("abc".utf8)))
}
