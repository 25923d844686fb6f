/** Shows an error in place of a view that cannot be drawn, so that the rest of the page stays. */

import { Component, type ComponentChildren } from "preact";

interface Props { children: ComponentChildren }
interface State { error: string }

export class ErrorBoundary extends Component<Props, State> {
  state: State = { error: "" };

  static getDerivedStateFromError(error: Error): State {
    return { error: error.message };
  }

  render({ children }: Props, { error }: State) {
    if (!error) return children;
    return <p class="notice bad" role="alert">This view cannot be shown: {error}. Reload the page, or report the defect.</p>;
  }
}
