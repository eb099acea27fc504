export { rfmedsam, type Surroundings } from "./program.js";
