/**
 * A probe of our own for what a NAT does (RFC 5780): `node stun.mjs probe ADDRESS…` sends from one socket to the relay
 * and to a responder at each address; `node stun.mjs respond ADDRESS…` is that responder, on the port beside. Prints JSON.
 */
import { randomBytes } from "node:crypto";
import dgram from "node:dgram";

const PORT = 3478;
const BESIDE = 3479;
const COOKIE = 0x2112a442;
const REQUEST = 0x0001;
const SUCCESS = 0x0101;
const CHANGE_REQUEST = 0x0003;
const XOR_MAPPED = 0x0020;
/** Both, address and port. */
const CHANGE_BOTH = 6;
const TRIES = 3;
const WAIT_MS = 300;

function message(type, transaction, attributes) {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(attributes.length, 2);
  head.writeUInt32BE(COOKIE, 4);
  transaction.copy(head, 8);
  return Buffer.concat([head, attributes]);
}

function mapped({ address, port }) {
  const attribute = Buffer.alloc(12);
  attribute.writeUInt16BE(XOR_MAPPED, 0);
  attribute.writeUInt16BE(8, 2);
  attribute[5] = 1;
  attribute.writeUInt16BE(port ^ (COOKIE >>> 16), 6);
  const bytes = Buffer.from(address.split(".").map(Number));
  attribute.writeUInt32BE((bytes.readUInt32BE(0) ^ COOKIE) >>> 0, 8);
  return attribute;
}

/** @returns {string | null} "address:port" as the other side sees us */
function readMapped(packet) {
  for (let at = 20; at + 4 <= packet.length; ) {
    const [type, size] = [packet.readUInt16BE(at), packet.readUInt16BE(at + 2)];
    if (type === XOR_MAPPED) {
      const address = Buffer.alloc(4);
      address.writeUInt32BE((packet.readUInt32BE(at + 8) ^ COOKIE) >>> 0);
      return `${[...address].join(".")}:${packet.readUInt16BE(at + 6) ^ (COOKIE >>> 16)}`;
    }
    at += 4 + size + ((4 - (size % 4)) % 4);
  }
  return null;
}

const bound = (port, address) => new Promise((done) => {
  const socket = dgram.createSocket("udp4");
  socket.bind(port, address, () => done(socket));
});

async function respond(addresses) {
  const sockets = await Promise.all(addresses.map((address) => bound(BESIDE, address)));
  sockets.forEach((socket, i) => socket.on("message", (packet, from) => {
    const asksOther = packet.length > 20 && packet.readUInt16BE(20) === CHANGE_REQUEST;
    // From an address and a port that were not asked: the relay's own port is taken, any other will do.
    const answer = message(SUCCESS, packet.subarray(8, 20), mapped(from));
    if (asksOther) bound(0, addresses[(i + 1) % addresses.length]).then((other) => other.send(answer, from.port, from.address, () => other.close()));
    else socket.send(answer, from.port, from.address);
  }));
  console.log("ready");
}

/** @returns {Promise<string | null>} */
async function ask(socket, port, address, attributes = Buffer.alloc(0)) {
  const transaction = randomBytes(12);
  let answer;
  const hear = (packet) => packet.length >= 20 && packet.subarray(8, 20).equals(transaction) && (answer = readMapped(packet));
  socket.on("message", hear);
  for (let i = 0; i < TRIES && !answer; i++) {
    socket.send(message(REQUEST, transaction, attributes), port, address);
    for (let waited = 0; waited < WAIT_MS && !answer; waited += 10) await new Promise((done) => setTimeout(done, 10));
  }
  socket.off("message", hear);
  return answer ?? null;
}

async function probe(addresses) {
  const socket = await bound(0, "0.0.0.0");
  const seen = [];
  for (const address of addresses) for (const port of [PORT, BESIDE]) seen.push(await ask(socket, port, address));
  // A fresh socket: what answers must have been asked by nobody.
  const other = await bound(0, "0.0.0.0");
  const change = Buffer.from([0, CHANGE_REQUEST, 0, 4, 0, 0, 0, CHANGE_BOTH]);
  const open = seen[1] !== null && (await ask(other, BESIDE, addresses[0], change)) !== null;
  console.log(JSON.stringify({ local: socket.address().port, seen, open }));
  socket.close();
  other.close();
}

const [mode, ...addresses] = process.argv.slice(2);
await (mode === "respond" ? respond(addresses) : probe(addresses));
