// Building elements. Text goes in as text nodes, never as HTML.

/**
 * An element with attributes; `on…` functions become listeners, false and null attributes are left out. `label` names
 * what has no text, for eyes and ears. A button submits nothing unless it says so.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (tag === "button") element.type = tag;
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) {
      for (const each of name === "label" ? ["title", "aria-label"] : [name]) element.setAttribute(each, value);
    }
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

const ICONS = {
  send: ["M12 19V5", "M6 11l6-6 6 6"],
  stop: ["M7.5 7.500h9v9h-9z"],
  up: ["M7 10v10H4V10z", "M7 10l4-7c1.4 0 2.4 1.1 2.2 2.500L12.6 9H18a2 2 0 0 1 2 2.300l-1.1 7A2 2 0 0 1 16.9 20H7"],
  down: ["M17 14V4h3v10z", "M17 14l-4 7c-1.4 0-2.4-1.1-2.2-2.500l.6-3.500H6a2 2 0 0 1-2-2.300l1.1-7A2 2 0 0 1 7.1 4H17"],
  again: ["M4 12a8 8 0 1 0 2.5-5.8", "M4 4v4.500h4.5"],
  chat: ["M5 18.500v-11A2.5 2.5 0 0 1 7.5 5h9A2.5 2.5 0 0 1 19 7.500v6a2.5 2.5 0 0 1-2.5 2.500H9z"],
  copy: ["M9 9h10v11H9z", "M5 15V4h10"],
  save: ["M12 4v11", "M7 10.500l5 5 5-5", "M5 20h14"],
  person: ["M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M4.5 20c.6-3.8 3.6-5.5 7.5-5.500s6.9 1.7 7.5 5.5"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  left: ["M15 5l-7 7 7 7"],
  right: ["M9 5l7 7-7 7"],
  arrow: ["M5 12h14", "M13 6l6 6-6 6"],
  latest: ["M12 5v14", "M6 13l6 6 6-6"],
  warning: ["M12 8v5", "M12 16.500v.01", "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z"],
};

/** A line icon of 24 units, in the colour of the text around it; decoration only. */
export function icon(name) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon", `icon-${name}`);
  for (const line of ICONS[name]) {
    const path = document.createElementNS(namespace, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}
