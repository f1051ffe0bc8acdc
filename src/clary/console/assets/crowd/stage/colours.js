// A label's colour, by its place among the labels.

/** As AWS gives them, in their order; segmentation's masks hold exactly these. */
const EXACT = ["#2ca02c", "#1f77b4", "#ff7f0e", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"];
/** The same hues, light enough for lines on a radiograph. */
const SHOWN = ["#8fd3a6", "#79b0ea", "#f2b05e", "#f08a83", "#b49be0", "#c9a08f", "#eeabd9", "#c4c9c5", "#dcdc72", "#7fdce6"];

/** The colour that is drawn; with more than ten labels the following ones are spread over the circle of hues. */
export function shown(place) {
  return SHOWN[place] ?? `hsl(${Math.round((place * 137.508) % 360)} 65% 72%)`;
}

export function exact(place) {
  return EXACT[place] ?? hex((place * 137.508) % 360);
}

function hex(hue) {
  const part = (offset) => {
    const k = (offset + hue / 30) % 12;
    const value = 0.45 - 0.65 * 0.45 * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(value * 255)
      .toString(16)
      .padStart(2, "0");
  };
  return `#${part(0)}${part(8)}${part(4)}`;
}
