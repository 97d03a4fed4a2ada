import { connect, type Connection, type TextMessage } from "@holdfast/client";

/** @param freshToken returns the current token, or a new one if that is about to expire */
export function follow(url: string, freshToken: () => Promise<string>): Connection<TextMessage> {
  return connect(url, {
    headers: async () => ({ authorization: `Bearer ${await freshToken()}` }), // called before each attempt
  });
}
