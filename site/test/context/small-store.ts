export { Database, smallStore } from "../../../packages/conformance/test/small-store/small-store.ts";
