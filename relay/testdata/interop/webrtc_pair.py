"""Two webrtcbins (GStreamer, libnice) that may use nothing but a relay talk by data channel.

Usage: webrtc_pair.py TURN_URL TURN_URL COUNT    (one URL for each side)

It prints "TYPES SENT RECEIVED": the types of all candidates, and how many messages both
sides sent and got back.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)


class Side:
    def __init__(self, name, url, pipeline):
        self.name, self.sent, self.received, self.channel, self.remote = name, 0, 0, None, None
        self.bin = Gst.ElementFactory.make("webrtcbin", name)
        self.bin.set_property("ice-transport-policy", GstWebRTC.WebRTCICETransportPolicy.RELAY)
        self.bin.set_property("turn-server", url)
        pipeline.add(self.bin)

    def describe(self, kind, after):
        def made(promise, *_):
            reply = promise.get_reply()  # it owns the description
            description = reply.get_value(kind)
            text = description.sdp.as_text()
            self.bin.emit("set-local-description", description, Gst.Promise.new())
            GLib.idle_add(after, text)

        self.bin.emit("create-" + kind, None, Gst.Promise.new_with_change_func(made, None))

    def hear(self, kind, text, after=None):
        _, sdp = GstSdp.SDPMessage.new_from_text(text)
        description = GstWebRTC.WebRTCSessionDescription.new(kind, sdp)
        done = Gst.Promise.new_with_change_func(lambda *_: after and GLib.idle_add(after), None)
        self.bin.emit("set-remote-description", description, done)

    def adopt(self, channel):
        self.channel = channel
        channel.connect("on-message-string", self.heard)

    def send(self):
        self.sent += 1
        self.channel.emit("send-string", f"{self.name} {self.sent}")

    def heard(self, _, text):
        GLib.idle_add(self.judge, text)

    def judge(self, text):
        self.received += text == f"{self.remote.name} {self.received + 1}"
        if self.sent < self.received or self.name == "caller" and self.sent < COUNT:
            self.send()
        elif self.received >= COUNT and self.remote.received >= COUNT:
            loop.quit()


COUNT = int(sys.argv[3])
loop = GLib.MainLoop()
pipeline = Gst.Pipeline.new("call")
a, b = Side("caller", sys.argv[1], pipeline), Side("callee", sys.argv[2], pipeline)
a.remote, b.remote = b, a
types = set()


def candidate(side):
    def found(_, line, text):
        words = text.split()
        if "typ" in words:
            types.add(words[words.index("typ") + 1])
        GLib.idle_add(side.remote.bin.emit, "add-ice-candidate", line, text)

    return found


def opened(*_):
    GLib.idle_add(a.send)


def call():
    def offered(text):
        b.hear(GstWebRTC.WebRTCSDPType.OFFER, text, lambda: b.describe("answer", answered))

    def answered(text):
        a.hear(GstWebRTC.WebRTCSDPType.ANSWER, text)

    a.describe("offer", offered)


pipeline.set_state(Gst.State.PLAYING)
for side in (a, b):
    side.bin.connect("on-ice-candidate", candidate(side))
b.bin.connect("on-data-channel", lambda _, channel: b.adopt(channel))
a.adopt(a.bin.emit("create-data-channel", "talk", None))
a.channel.connect("on-open", opened)
GLib.idle_add(call)
GLib.timeout_add_seconds(40, loop.quit)
loop.run()
print(",".join(sorted(types)), a.sent + b.sent, a.received + b.received, flush=True)
pipeline.set_state(Gst.State.NULL)
