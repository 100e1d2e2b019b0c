import { Emitter } from "../static/js/net/emitter.js";

/** Rooms of calls that a test connects, cuts and mends: the seam that chat and files have of rtc/call.js. */
export function rig() {
  /** @type {Map<string, any>} */
  const calls = new Map();
  const down = new Set();
  const pair = (a, b) => [a, b].sort().join();
  const self = {
    loseAcks: false,
    /** Everything said over ctl, oldest first. */
    said: [],
    /** Where bytes were said to start, oldest first. */
    starts: [],
    join(id) {
      const events = new Emitter();
      const messages = new Emitter();
      const call = {
        get views() {
          return [...calls.keys()].filter((other) => other !== id).map((other) => ({ id: other, name: other.toUpperCase(), figures: null, state: { cam: false } }));
        },
        on: (name, fn) => events.on(name, fn),
        onMessage: (type, fn) => messages.on(type, ({ message, from }) => fn(message, from)),
        send(to, t, fields) {
          if (!calls.get(to)?.there || !call.there || down.has(pair(id, to))) return false;
          if (t === "chat.ack" && self.loseAcks) return true;
          self.inject(id, to, { t, ...fields });
          return true;
        },
        bulk: (to) => (calls.has(to) && !down.has(pair(id, to)) ? call.channel(to) : null),
        largest: () => 256 * 1024,
        channels: new Map(),
        channel(to) {
          if (!this.channels.has(to)) this.channels.set(to, new Wire((data) => {
            if (data.byteLength === 12) self.starts.push(Number(new DataView(data).getBigUint64(4)));
            calls.get(to)?.events.emit("bulk", { id, data });
          }));
          return this.channels.get(to);
        },
        events, messages, there: false,
      };
      calls.set(id, call);
      return call;
    },
    /** Everyone's links to it are there. */
    open(id) {
      calls.get(id).there = true;
      for (const [other, call] of calls) {
        if (other === id || !call.there) continue;
        call.events.emit("open", { id });
        calls.get(id).events.emit("open", { id: other });
      }
    },
    leave(id) {
      calls.delete(id);
      for (const call of calls.values()) {
        call.channels.get(id)?.close();
        call.channels.delete(id);
        call.events.emit("left", { view: { id }, reason: "left" });
      }
    },
    cut(a, b) {
      down.add(pair(a, b));
      for (const [x, y] of [[a, b], [b, a]]) {
        calls.get(x)?.channels.get(y)?.close();
        calls.get(x)?.channels.delete(y);
      }
    },
    mend(a, b) {
      down.delete(pair(a, b));
      calls.get(a).events.emit("open", { id: b });
      calls.get(b).events.emit("open", { id: a });
    },
    inject(from, to, message) {
      const copy = JSON.parse(JSON.stringify(message));
      self.said.push({ from, to, ...copy });
      calls.get(to).messages.emit(copy.t, { message: copy, from });
    },
  };
  return self;
}

/** A data channel that delivers a little later and knows how much is under way. */
class Wire extends EventTarget {
  readyState = "open";
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  constructor(deliver) {
    super();
    this.deliver = deliver;
  }
  send(data) {
    if (this.readyState !== "open") throw new Error("InvalidStateError");
    const copy = new Uint8Array(data).slice().buffer;
    this.bufferedAmount += copy.byteLength;
    setImmediate(() => {
      this.bufferedAmount -= copy.byteLength;
      if (this.readyState !== "open") return;
      this.deliver(copy);
      if (this.bufferedAmount <= this.bufferedAmountLowThreshold) this.dispatchEvent(new Event("bufferedamountlow"));
    });
  }
  close() {
    this.readyState = "closed";
    this.dispatchEvent(new Event("bufferedamountlow"));
  }
}
