/** Starts the page. */

import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/table.css";
import "./styles/charts.css";
import "./styles/views.css";
import { followServer } from "./documents/live_events";
import { applyTheme } from "./theme";
import { Shell } from "./shell";

applyTheme();
followServer();
const root = document.getElementById("page");
if (root) {
  root.textContent = "";
  render(<Shell />, root);
}
