import { describeInChromium } from "../support/chromium.ts";
import { cutConnectionsSuite } from "./cut-connections.ts";
import { inPage } from "./read-stream.ts";

describeInChromium("in Chromium", (page) => cutConnectionsSuite(inPage(page)));
