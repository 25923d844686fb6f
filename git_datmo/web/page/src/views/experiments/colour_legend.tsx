/** Which colour stands for which value. */

export function ColourLegend({ words }: { words: [string, string][] }) {
  if (!words.length) return null;
  return (
    <ul class="legend">
      {words.map(([word, colour]) => (
        <li key={word}><span class="legend-dot" style={{ background: colour }} /><span class="legend-name">{word}</span></li>
      ))}
    </ul>
  );
}
