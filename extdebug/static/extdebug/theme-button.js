// Makes the theme button work, on the pages other than the console.

import { byId } from "./dom.js";
import { toggleTheme } from "./preferences.js";

byId("theme").addEventListener("click", toggleTheme);
