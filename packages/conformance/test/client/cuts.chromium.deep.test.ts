import { describeInChromium } from "../support/chromium.ts";
import { cutsSuite } from "./cuts.ts";
import { inPage } from "./follow.ts";

describeInChromium("in Chromium", (page) => cutsSuite(inPage(page)));
