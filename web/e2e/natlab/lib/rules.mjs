/**
 * What a router lets through and how it maps, as an nftables ruleset.
 *
 * @typedef {object} Nat
 * @property {"none" | "cone" | "symmetric"} map
 *   cone: the port stays, and only who was asked may answer (port-restricted); symmetric: another port for each destination
 * @property {string} [allow]   what may leave, in nft's words; everything by default
 */

/** @type {Record<string, Nat>} */
export const NATS = {
  none: { map: "none" },
  cone: { map: "cone" },
  symmetric: { map: "symmetric" },
  "udp-blocked": { map: "cone", allow: "meta l4proto tcp" },
  "443-only": { map: "cone", allow: "tcp dport 443" },
};

const MASQUERADE = { none: "", cone: "masquerade", symmetric: "masquerade fully-random" };

/** @param {Nat} nat @param {number} loss  share of packets lost on the way to and from the LAN, in percent */
export const router = ({ map, allow = "" }, loss = 0) => `
flush ruleset
table inet lab {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname { "wan", "isp" } meta nfproto ipv4 ${MASQUERADE[map]}
  }
  # An unasked packet that is let in takes the tuple which the client's own needs.
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    meta l4proto ipv6-icmp accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ${loss ? `numgen random mod 10000 < ${Math.round(loss * 100)} drop` : ""}
    ct state established,related accept
    iifname "lan" ${allow} accept
    ${map === "none" ? 'iifname "wan" accept' : ""}
  }
}`;

/** A firewall on the server itself. @param {string[]} closed  as "udp dport 3478" */
export const server = (closed) => `
flush ruleset
table inet lab {
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "lo" accept
    ${closed.map((what) => `${what} drop`).join("\n    ")}
  }
}`;

/**
 * Watches what a client sends: any address besides the given ones is written down.
 * @param {string[]} v4 @param {string[]} v6
 */
export const watch = (v4, v6) => `
flush ruleset
table inet lab {
  set strangers4 { type ipv4_addr . inet_proto . inet_service; flags dynamic; }
  set strangers6 { type ipv6_addr . inet_proto . inet_service; flags dynamic; }
  chain output {
    type filter hook output priority filter; policy accept;
    oifname "lo" accept
    meta l4proto != { tcp, udp } accept
    ip daddr { 224.0.0.251, ${v4.join(", ")} } accept
    ip6 daddr { ff02::fb, ${v6.join(", ")} } accept
    meta nfproto ipv4 add @strangers4 { ip daddr . meta l4proto . th dport }
    meta nfproto ipv6 add @strangers6 { ip6 daddr . meta l4proto . th dport }
  }
}`;
