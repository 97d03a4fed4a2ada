import { BlockList, isIP, isIPv6 } from "node:net";

/** The proxies in front of this service, and nobody else. */
const proxies = new BlockList();
proxies.addAddress("127.0.0.1");
proxies.addSubnet("10.0.0.0", 8);

/**
 * The address that a request comes from, for a key.
 *
 * @param peer the address at the other end of the socket
 * @param forwardedFor the header `X-Forwarded-For`
 */
export function addressKey(peer: string, forwardedFor = ""): string {
  const hops = forwardedFor.split(",").map((hop) => withoutPrefix(hop.trim()));
  let address = withoutPrefix(peer);
  // Each proxy appends the address that it was called from, so that the list is read from its end.
  for (const hop of hops.reverse()) {
    if (!isProxy(address) || isIP(hop) === 0) break;
    address = hop;
  }
  return `address:${isIPv6(address) ? networkOf(address) : address}`;
}

function isProxy(address: string): boolean {
  return proxies.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** A socket for both families has IPv4 addresses in this form. */
function withoutPrefix(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}

/** The first 64 bits of an IPv6 address: every customer has at least as many addresses as are in such a network. */
function networkOf(address: string): string {
  const [left = [], right = []] = address.split("::").map((part) => part.split(":").filter(Boolean));
  const missing = Array<string>(8 - left.length - right.length).fill("0");
  const groups = [...left, ...missing, ...right].slice(0, 4);
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":");
}
