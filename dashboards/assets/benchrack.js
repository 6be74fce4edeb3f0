// What pages gain with script: the reader's zone, sorting, values under the pointer, parts that follow the farm.
// Everything is there without it.
"use strict";

const language = document.documentElement.lang;
const absolute = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const skew = (() => {
  const server = document.querySelector(".foot time");
  return server ? Date.parse(server.dateTime) - Date.now() : 0;
})();

function tellTimes(root) {
  for (const time of root.querySelectorAll("main time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = absolute.format(at);
    const seconds = (at.getTime() - Date.now() - skew) / 1000;
    const steps = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
    if (seconds > 60 || seconds < -30 * 86400) continue;
    const [unit, length] = steps.find(([, length]) => -seconds >= length) || steps[3];
    time.textContent = relative.format(Math.round(seconds / length), unit);
  }
}

// A click on a heading sorts by its column: figures by `data-value` or the number shown, absent ones last.
function sortKey(row, column) {
  const cell = row.cells[column];
  const time = cell.querySelector("time");
  if (time) return Date.parse(time.dateTime);
  if (cell.querySelector(".none")) return null;
  const text = cell.dataset.value ?? cell.textContent.trim().replaceAll(",", "").replace("−", "-");
  if (text === "") return null;
  const number = Number.parseFloat(text);
  return Number.isNaN(number) || !/^[-+]?\d/.test(text) ? text : number;
}

function makeSortable(table) {
  const headings = table.tHead?.rows[0]?.cells ?? [];
  for (const heading of headings) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].map((row) => [sortKey(row, heading.cellIndex), row]);
      rows.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), language, { numeric: true });
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  }
}

// The nearest mark's words follow the pointer; the marks' own titles would come late and never on touch.
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true");
document.body.append(tip);

function places(chart) {
  return [...chart.querySelectorAll(".mark")].filter((mark) => mark.querySelector("title") || mark.dataset.words).map((mark) => {
    const title = mark.querySelector("title");
    if (title) {
      mark.dataset.words = title.textContent;
      title.remove();
    }
    const box = mark.lastElementChild.getBBox();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2, mark };
  });
}

let lit = null;
function leave() {
  tip.hidden = true;
  lit?.classList.remove("lit");
  lit = null;
}
addEventListener("scroll", leave, { passive: true });

function hover(chart) {
  let marks = null;
  chart.addEventListener("pointerleave", leave);
  chart.addEventListener("pointermove", (event) => {
    marks ??= places(chart);
    const toScreen = chart.getScreenCTM();
    if (!toScreen || marks.length === 0) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(toScreen.inverse());
    let nearest = null;
    let least = 28 ** 2;
    for (const place of marks) {
      const distance = (place.x - at.x) ** 2 + (place.y - at.y) ** 2;
      if (distance < least) [nearest, least] = [place, distance];
    }
    leave();
    if (!nearest) return;
    lit = nearest.mark;
    lit.classList.add("lit");
    tip.textContent = lit.dataset.words;
    tip.hidden = false;
    const spot = new DOMPoint(nearest.x, nearest.y).matrixTransform(toScreen);
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(spot.x + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${spot.y - height - 12 < 8 ? spot.y + 16 : spot.y - height - 12}px`;
  });
}

// A stretch that is dragged over a series is asked for by its last run and its number of points, so it is a link as well.
function zoom(chart) {
  let from = null;
  const band = document.createElementNS(chart.namespaceURI, "rect");
  band.setAttribute("class", "drag");
  const across = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse()).x;
  const stop = () => {
    from = null;
    band.remove();
  };
  chart.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || event.button !== 0) return;
    from = across(event);
  });
  chart.addEventListener("dragstart", (event) => event.preventDefault());
  chart.addEventListener("pointermove", (event) => {
    const to = across(event);
    if (from === null || Math.abs(to - from) < 8) return;
    if (!band.parentNode) {
      chart.append(band);
      chart.setPointerCapture(event.pointerId);
    }
    for (const [name, value] of Object.entries({ x: Math.min(from, to), width: Math.abs(to - from), y: 0, height: chart.viewBox.baseVal.height })) band.setAttribute(name, value);
  });
  chart.addEventListener("pointerup", (event) => {
    const [start, end, dragged] = [Math.min(from, across(event)), Math.max(from, across(event)), band.parentNode];
    stop();
    if (!dragged) return;
    const inside = places(chart).filter(({ x, mark }) => x >= start && x <= end && mark.dataset.at).map(({ mark }) => mark.dataset.at.split(" ").map(Number));
    if (inside.length < 2) return;
    inside.sort(([, a], [, b]) => a - b);
    const [[, first], [run, last]] = [inside[0], inside.at(-1)];
    const query = new URLSearchParams(location.search);
    query.set("points", last - first + 1);
    query.set("until", run);
    location.search = query;
  });
  chart.addEventListener("pointercancel", stop);
}

function enliven(root) {
  tellTimes(root);
  root.querySelectorAll("table[data-sort]").forEach(makeSortable);
  for (const chart of root.querySelectorAll("svg.chart:not(.key)")) {
    hover(chart);
    if (chart.querySelector("[data-at]")) zoom(chart);
  }
  for (const canvas of root.querySelectorAll("[data-end]")) canvas.scrollLeft = canvas.scrollWidth;
}

// A choice takes effect without the button.
function facets() {
  for (const form of document.querySelectorAll("form[data-auto]")) {
    form.addEventListener("change", () => form.requestSubmit());
    form.addEventListener("formdata", ({ formData }) => {
      for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
    });
    form.querySelector("button").hidden = true;
  }
}

// Any event of the farm refetches this page and takes over the parts that change; at most one fetch a second.
function follow(main) {
  if (!window.EventSource) return;
  let due = 0;
  const refresh = async () => {
    due = 0;
    if (document.hidden || document.getSelection()?.toString()) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        // A choice that is being made stays.
        if (part.querySelector("input:checked")) continue;
        const fresh = page.getElementById(part.id);
        const focus = document.activeElement;
        const held = part.contains(focus) ? focus.getAttribute("href") ?? focus.value : null;
        if (!fresh) continue;
        part.replaceWith(document.adoptNode(fresh));
        enliven(fresh);
        if (held) [...fresh.querySelectorAll("a, input")].find((one) => (one.getAttribute("href") ?? one.value) === held)?.focus();
      }
    } catch {
      // The server is away; the stream reconnects by itself and the next event tries again.
    }
  };
  const wait = () => (due ||= setTimeout(refresh, 1000));
  const events = new EventSource(main.dataset.live);
  events.onmessage = wait;
  const kinds = ["device", "job", "progress", "stored", "decided", "alert", "lost"];
  // Hosts report twice a minute each: only where they are shown is that news.
  if (document.querySelector("[data-hosts]")) kinds.push("rack");
  for (const kind of kinds) events.addEventListener(kind, wait);
  document.addEventListener("visibilitychange", () => document.hidden || wait());
}

// Whether a key is meant for the page, not for a field or for the browser.
function forPage(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  return !event.target.closest("input:not([type=checkbox]), select, textarea, dialog");
}

// Lists to decide about: j and k go from row to row, the space bar chooses, o opens, a state's letter begins a decision.
function picks(form) {
  addEventListener("keydown", (event) => {
    if (!forPage(event)) return;
    const boxes = [...form.querySelectorAll("input[type=checkbox]")];
    const at = boxes.indexOf(document.activeElement);
    const state = [...form.elements.state.options].find((option) => option.dataset.key === event.key);
    if (event.key === "j") boxes[Math.min(at + 1, boxes.length - 1)]?.focus();
    else if (event.key === "k") boxes[Math.max(at - 1, 0)]?.focus();
    else if (event.key === "o") boxes[at]?.closest("tr").querySelector("a").click();
    else if (state) {
      event.preventDefault();
      form.elements.state.value = state.value;
      const needed = { confirmed: "owner", expected: "reason", ignored: "reason" }[state.value];
      (form.elements[needed] ?? form.querySelector("button:not([type=button])")).focus();
    }
  });
}

// Keys: those that no field and no control wants for itself.
function keys() {
  const help = document.getElementById("keys");
  let led = -Infinity;
  addEventListener("keydown", (event) => {
    if (!forPage(event)) return;
    const going = event.timeStamp - led < 1500;
    led = -Infinity;
    if (going) {
      document.querySelector(`.top a[data-key="${CSS.escape(event.key)}"]`)?.click();
    } else if (event.key === "g") {
      led = event.timeStamp;
    } else if (event.key === "?") {
      help.showModal();
    } else if (event.key === "/") {
      event.preventDefault();
      document.querySelector(".search input").focus();
    } else if (event.key === "n") {
      document.querySelector("main a[rel=next]")?.click();
    }
  });
}

enliven(document);
for (const note of document.querySelectorAll(".scripted")) note.hidden = false;
facets();
keys();
const pick = document.querySelector("form[data-pick]");
if (pick) picks(pick);
setInterval(() => tellTimes(document), 30000);
const live = document.querySelector("main[data-live]");
if (live) follow(live);
