"use strict";
// What the sections share, and the table of topics.
const element = id => document.getElementById(id);
const data = name => {
  const block = element(`${name}-data`);
  return block && JSON.parse(block.textContent);
};
const typed = (Kind, base64) => {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Kind(bytes.buffer);
};
const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};
const later = (milliseconds, act) => {
  let timer;
  return (...values) => { clearTimeout(timer); timer = setTimeout(act, milliseconds, ...values); };
};
const dark = matchMedia("(prefers-color-scheme: dark)");
// Paper is white, whatever the screen is.
let printing = false;
const isDark = () => dark.matches && !printing;
const inks = () => {
  const style = getComputedStyle(document.body);
  return printing ? ["#000000", "#ffffff", "#1a56b0"] : [style.color, style.backgroundColor, style.getPropertyValue("--accent")];
};
const onPrint = redraw => {
  for (const [event, value] of [["beforeprint", true], ["afterprint", false]]) {
    addEventListener(event, () => { printing = value; redraw(); });
  }
};
const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

// Inside another page's frame a link to "#name" would load that page, so scroll by script.
const jump = (id, focus = true) => {
  const target = element(id);
  if (!target) return;
  if (target.matches("tbody")) { target.hidden = false; open(target, true); }
  target.scrollIntoView({ block: "start" });
  if (focus) { target.tabIndex = -1; target.focus({ preventScroll: true }); }
};
document.addEventListener("click", event => {
  const link = event.target.closest('a[href^="#"]');
  if (!link) return;
  event.preventDefault();
  jump(link.getAttribute("href").slice(1));
});

const open = (body, wanted) => {
  const button = body.querySelector(".open");
  button.setAttribute("aria-expanded", wanted);
  element(button.getAttribute("aria-controls")).hidden = !wanted;
};
const table = element("topic-table");
if (table) {
  const bodies = [...table.tBodies];
  for (const body of bodies) {
    const button = body.querySelector(".open");
    button.addEventListener("click", () => open(body, button.getAttribute("aria-expanded") !== "true"));
  }
  const all = element("topic-expand");
  all.addEventListener("click", () => {
    const wanted = all.getAttribute("aria-pressed") !== "true";
    all.setAttribute("aria-pressed", wanted);
    bodies.forEach(body => open(body, wanted));
  });
  const texts = bodies.map(body => body.textContent.toLowerCase());
  element("topic-search").addEventListener("input", later(150, event => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    bodies.forEach((body, i) => {
      body.hidden = !words.every(word => texts[i].includes(word));
      shown += !body.hidden;
    });
    element("topic-count").textContent = words.length ? count(shown, "topic") : "";
  }));
  const heads = [...table.querySelectorAll("thead button")];
  heads.forEach(button => button.addEventListener("click", () => {
    const head = button.closest("th"), key = button.dataset.sort;
    const numeric = key !== "label" && key !== "date";
    const now = head.getAttribute("aria-sort");
    const way = now === "none" ? (numeric ? "descending" : "ascending")
      : now === "ascending" ? "descending" : "ascending";
    heads.forEach(other => other.closest("th").setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", way);
    const sign = way === "ascending" ? 1 : -1;
    bodies.sort((a, b) => sign * (numeric ? a.dataset[key] - b.dataset[key]
      : a.dataset[key].localeCompare(b.dataset[key])));
    texts.length = 0;
    texts.push(...bodies.map(body => body.textContent.toLowerCase()));
    table.append(...bodies);
  }));
}

const tree = element("topic-tree");
if (tree) element("tree-expand").addEventListener("click", event => {
  const wanted = event.target.getAttribute("aria-pressed") !== "true";
  event.target.setAttribute("aria-pressed", wanted);
  tree.querySelectorAll("details").forEach(node => { node.open = wanted; });
});
