/*
 * Decoders are part of the contract that a server and its clients share, which is in core.
 */

export { decode, json, text } from "@holdfast/core/internal";
export type { Decoded, DecodedMessage, Decoder, DecoderMap, Decoders, Schema } from "@holdfast/core";
