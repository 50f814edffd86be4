// What every page needs: the theme button.

import { byId } from "./dom.js";
import { toggleTheme } from "./look.js";

byId("theme").addEventListener("click", toggleTheme);
