#!/usr/bin/env python3
"""A headless PJSIP user agent on loopback for one call: plays a WAV file, records what it hears.

    pjsip.py --port N --play WAV --record WAV [--srtp off|optional|mandatory] [--codec PCMU/8000]
             [--call URI] [--seconds S] [--hold AT --resume AT]

Needs the module pjsua2 (tools/peers/setup). Without --call it answers. One line of JSON an event on
standard output; exit code 0 when a call was up. With SRTP it offers AES_256_CM first.
"""
import argparse
import gc
import json
import os
import sys
import time
import wave

import pjsua2 as pj


def say(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


class Peer:
    """One endpoint with one account and one call at a time; driven from the main thread."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.call = None
        self.player = self.recorder = None
        self.answered_at = None
        self.is_over = False
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.logConfig.level = config.logConfig.consoleLevel = 0
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        with wave.open(arguments.play) as file:
            config.medConfig.clockRate = file.getframerate()
        self.endpoint.libInit(config)
        self.endpoint.audDevManager().setNullDev()
        transport = pj.TransportConfig()
        transport.port = arguments.port
        transport.boundAddress = transport.publicAddress = "127.0.0.1"
        self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.endpoint.libStart()
        say("listening", port=arguments.port)
        for codec in self.endpoint.codecEnum2():
            wanted = codec.codecId.startswith(arguments.codec)
            self.endpoint.codecSetPriority(codec.codecId, 255 if wanted else 0)
        self.account = self.make_account()

    def make_account(self):
        peer = self

        class Account(pj.Account):
            def onIncomingCall(self, parameter):
                peer.call = peer.make_call(self, parameter.callId)
                peer.call.answer(peer.status(200))

        settings = pj.AccountConfig()
        settings.idUri = f"sip:peer@127.0.0.1:{self.arguments.port}"
        media = settings.mediaConfig
        media.transportConfig.boundAddress = media.transportConfig.publicAddress = "127.0.0.1"
        media.transportConfig.port = self.arguments.media_port
        media.srtpUse = {"off": 0, "optional": 1, "mandatory": 2}[self.arguments.srtp]
        media.srtpSecureSignaling = 0
        keying = pj.IntVector()
        keying.append(0)
        media.srtpOpt.keyings = keying
        account = Account()
        account.create(settings)
        return account

    def status(self, code):
        parameter = pj.CallOpParam()
        parameter.statusCode = code
        return parameter

    def make_call(self, account, identity=pj.PJSUA_INVALID_ID):
        peer = self

        class Call(pj.Call):
            def onCallState(self, parameter):
                state = self.getInfo()
                say("state", text=state.stateText, code=state.lastStatusCode)
                if state.state == pj.PJSIP_INV_STATE_CONFIRMED and not peer.answered_at:
                    peer.answered_at = time.monotonic()
                peer.is_over |= state.state == pj.PJSIP_INV_STATE_DISCONNECTED

            def onCallMediaState(self, parameter):
                state = self.getInfo()
                for index in range(len(state.media)):
                    media = state.media[index]
                    say("media", status=media.status, direction=media.dir)
                    if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in (1, 3):
                        peer.connect(self.getAudioMedia(index))

            def onStreamCreated(self, parameter):
                say("stream", index=parameter.streamIdx)

            def onCallSdpCreated(self, parameter):
                for line in parameter.sdp.wholeSdp.splitlines():
                    if line.startswith("a=crypto:"):
                        say("crypto", suite=line.split()[1])

        return Call(account, identity)

    def connect(self, audio):
        if self.player is None:
            self.player = pj.AudioMediaPlayer()
            self.player.createPlayer(self.arguments.play, pj.PJMEDIA_FILE_NO_LOOP)
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(self.arguments.record)
        self.player.startTransmit(audio)
        audio.startTransmit(self.recorder)

    def run(self):
        if self.arguments.call:
            self.call = self.make_call(self.account)
            self.call.makeCall(self.arguments.call, pj.CallOpParam(True))
        end = time.monotonic() + self.arguments.seconds
        done = set()
        while time.monotonic() < end and not self.is_over:
            self.endpoint.libHandleEvents(10)
            if self.answered_at is None:
                continue
            since = time.monotonic() - self.answered_at
            if self.arguments.hold and since > self.arguments.hold and "hold" not in done:
                done.add("hold")
                self.call.setHold(pj.CallOpParam(True))
            if self.arguments.resume and since > self.arguments.resume and "resume" not in done:
                done.add("resume")
                parameter = pj.CallOpParam(True)
                parameter.opt.flag = pj.PJSUA_CALL_UNHOLD
                self.call.reinvite(parameter)
        if self.call is not None and not self.is_over:
            self.call.hangup(pj.CallOpParam())
            for _ in range(50):
                self.endpoint.libHandleEvents(10)
        # The end of the library writes the recording's header. Call objects must be gone before.
        self.recorder = self.player = self.call = None
        self.account = None
        gc.collect()
        self.endpoint.libDestroy()
        return 0 if self.answered_at else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--media-port", type=int, required=True)
    parser.add_argument("--play", required=True)
    parser.add_argument("--record", required=True)
    parser.add_argument("--srtp", choices=["off", "optional", "mandatory"], default="off")
    parser.add_argument("--codec", default="PCMU/8000")
    parser.add_argument("--call")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--hold", type=float)
    parser.add_argument("--resume", type=float)
    code = Peer(parser.parse_args()).run()
    sys.stdout.flush()
    # The interpreter's own end would destroy the endpoint a second time.
    os._exit(code)


if __name__ == "__main__":
    main()
