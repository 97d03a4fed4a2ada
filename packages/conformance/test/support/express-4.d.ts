/** The older version has types of its own age: what is used of it here is the same. */
declare module "express-4" {
  export { default } from "express";
}
