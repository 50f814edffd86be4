// Makes the theme button work, on the pages other than the console.

import { byId } from "./dom.js";
import { setUpTheme } from "./preferences.js";

setUpTheme(byId("theme"));
