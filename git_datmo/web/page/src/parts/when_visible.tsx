/** Mounts its content when it comes near the visible part of the page, and unmounts it when it leaves. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Props { height: number; children: () => ComponentChildren }

export function WhenVisible({ height, children }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setVisible(entries.some((each) => each.isIntersecting)), {
      rootMargin: "200px",
    });
    if (place.current) observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={place} style={{ minHeight: `${height}px` }}>
      {visible && children()}
    </div>
  );
}
