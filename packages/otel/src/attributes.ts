/*
 * The names of attributes. `error.type` and `messaging.*` are OpenTelemetry's; it has no conventions for event streams.
 */

export const REGISTRY = "holdfast.registry.name";
export const CLOSE_REASON = "holdfast.close.reason";
export const END_STATUS = "holdfast.end.status";
export const RESET_REASON = "holdfast.reset.reason";
export const FAILURE_STAGE = "holdfast.failure.stage";
export const EPOCH = "holdfast.stream.epoch";
export const EVENTS = "holdfast.events";
export const BYTES = "holdfast.bytes";
export const ERROR_TYPE = "error.type";
export const SYSTEM = "messaging.system";
export const OPERATION_NAME = "messaging.operation.name";
export const OPERATION_TYPE = "messaging.operation.type";
export const DESTINATION = "messaging.destination.name";
