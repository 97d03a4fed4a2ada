/** What is used here has the same types in version 5. */
declare module "express-4" {
  export { default } from "express";
}
