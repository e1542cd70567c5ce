// The map: points drawn into an image, pixel by pixel, so that half a million need no library.
const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const mixed = share => {
  const place = Math.min(.9999, Math.max(0, share)) * (STOPS.length - 1), i = Math.floor(place);
  return STOPS[i].map((value, k) => Math.round(value + (STOPS[i + 1][k] - value) * (place - i)));
};
const hsl = (hue, saturation, lightness) => {
  const a = saturation * Math.min(lightness, 1 - lightness);
  return [0, 8, 4].map(n => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  });
};

const drawMap = () => {
  const map = data("map");
  if (!map) return;
  const n = map.n, X = typed(Uint16Array, map.x), Y = typed(Uint16Array, map.y), rows = typed(Uint32Array, map.row);
  const frame = element("map-frame"), canvas = element("map-points"), overlay = element("map-overlay");
  const tip = element("map-tip"), list = element("map-documents"), more = element("map-more");
  const topic = map.columns[0];
  const FAST = 120000; // points drawn while the view moves; they stand in random order
  const PAPER = 20000; // points printed
  const LINE = 20; // pixels between the middles of two labels, one above the other
  for (const column of map.columns) {
    if (column.codes) column.codes = typed(Uint16Array, column.codes);
    else {
      column.numbers = typed(Float32Array, column.numbers);
      column.low = Infinity;
      column.high = -Infinity;
      for (const value of column.numbers) {
        if (value < column.low) column.low = value;
        if (value > column.high) column.high = value;
      }
    }
  }

  // --- Colours ---------------------------------------------------------------------------------
  let column = topic, palette = [], colours = new Uint32Array(n), picked = null, selected = null;
  const pack = ([r, g, b]) => (255 << 24 | b << 16 | g << 8 | r) >>> 0;
  const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
  const grey = () => isDark() ? [84, 90, 102] : [196, 200, 208];
  const recolour = () => {
    const light = [0, .12, -.1].map(shift => shift + (isDark() ? .64 : .44)); // as in the page's swatches
    if (column.codes) {
      palette = column.values.map((_, i) => hsl(i * 222.4922 % 360, .62, light[i % 3]));
      palette.push(grey());
    } else palette = Array.from({ length: 256 }, (_, i) => mixed(i / 255)).concat([grey()]);
    const packed = palette.map(pack), span = column.high - column.low || 1;
    for (let i = 0; i < n; i++) {
      if (column.codes) colours[i] = packed[column.codes[i]];
      else {
        const value = column.numbers[i];
        colours[i] = packed[value === value ? Math.round((value - column.low) / span * 255) : 256];
      }
    }
  };

  // --- The view: the middle, in the units of X and Y, and pixels for each unit -------------------
  const view = { x: 0, y: 0, scale: 1 };
  let width = 0, height = 0, ratio = 1, least = 1, image = null, pixels = null;
  // All but the outermost points, or a few far ones would leave the others little room.
  const span = values => {
    const sorted = values.slice().sort(), cut = Math.floor(n * .01);
    return [sorted[cut], sorted[n - 1 - cut]];
  };
  const extent = [span(X), span(Y)];
  const reset = () => {
    const [[left, right], [low, high]] = extent;
    view.x = (left + right) / 2;
    view.y = (low + high) / 2;
    least = view.scale = .88 * Math.min(width / (right - left || 1), height / (high - low || 1));
  };
  const toScreen = (x, y) => [(x - view.x) * view.scale + width / 2, height / 2 - (y - view.y) * view.scale];
  const toMap = (x, y) => [(x - width / 2) / view.scale + view.x, view.y - (y - height / 2) / view.scale];

  const stamp = radius => {
    const cells = [], reach = Math.ceil(radius);
    for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) {
      const cover = Math.min(1, Math.max(0, radius + .5 - Math.hypot(dx, dy)));
      if (cover > .05) cells.push([dx, dy, Math.round(cover * 215)]);
    }
    return { reach, cells };
  };
  const rasterise = fast => {
    const w = canvas.width, h = canvas.height;
    pixels.fill(pack(inks()[1].match(/\d+/g).map(Number)));
    const zoom = view.scale / least;
    const radius = ratio * Math.min(7, Math.max(.8, .17 * Math.sqrt(width * height / n) * zoom ** .35));
    let reach, offsets, covers;
    const dot = size => {
      const made = stamp(size);
      reach = made.reach;
      offsets = made.cells.map(([dx, dy]) => dy * w + dx);
      covers = made.cells.map(cell => cell[2]);
    };
    dot(radius);
    const s = view.scale * ratio, ox = w / 2 - view.x * s, oy = h / 2 + view.y * s;
    const faint = pack(grey()), none = column.codes ? column.values.length : -1;
    const end = fast ? Math.min(n, FAST) : n;
    const put = (i, colour, strength) => {
      const x = X[i] * s + ox | 0, y = oy - Y[i] * s | 0;
      if (x < reach || y < reach || x >= w - reach || y >= h - reach) return;
      const place = y * w + x, rb = colour & 0xff00ff, g = colour & 0x00ff00;
      for (let k = 0; k < offsets.length; k++) {
        const at = place + offsets[k], a = covers[k] * strength | 0, old = pixels[at];
        pixels[at] = 0xff000000
          | ((old & 0xff00ff) * (256 - a) + rb * a >>> 8 & 0xff00ff)
          | ((old & 0x00ff00) * (256 - a) + g * a >>> 8 & 0x00ff00);
      }
    };
    const behind = i => selected ? !selected[i] : column.codes && column.codes[i] === none;
    for (let i = 0; i < end; i++) if (behind(i)) put(i, faint, selected ? .45 : .8);
    // A selection stands out, the fewer its points the more.
    if (selected) dot(radius * Math.min(2.5, Math.max(1, (n / (chosen.length + 1)) ** .3)));
    for (let i = 0; i < end; i++) if (!behind(i)) put(i, colours[i], 1);
    canvas.getContext("2d").putImageData(image, 0, 0);
  };
  // Chromium does not print pixels that were put, only what was drawn.
  const drawOnPaper = context => {
    const size = 1.5 * Math.min(3, Math.max(.7, .17 * Math.sqrt(width * height / n)));
    for (let i = 0; i < Math.min(n, PAPER); i++) {
      const [x, y] = toScreen(X[i], Y[i]);
      const behind = selected ? !selected[i] : column.codes && column.codes[i] === column.values.length;
      const colour = behind ? pack(grey()) : colours[i];
      context.fillStyle = css([colour & 255, colour >> 8 & 255, colour >> 16 & 255]);
      context.fillRect(x - size / 2, y - size / 2, size, size);
    }
  };

  // --- Labels: the largest topics first, each where it hides no other ----------------------------
  // One that has no room at its place stands a line or two above or below it, with a line to it.
  // Of a run with layers, two are named at a time: the coarsest from afar, finer ones as one zooms.
  let path = null, ring = -1;
  const annotate = () => {
    const context = overlay.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (printing) drawOnPaper(context);
    const [ink, ground] = inks(), small = width < 600;
    const depth = Math.floor(Math.log2(view.scale / least + .01) / 1.5);
    const first = Math.max(0, Math.min(map.levels.length - 2, depth));
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    const placed = [];
    const place = (level, id, shifts) => {
      const [left, top] = toScreen(...level.places[id]);
      if (left < 0 || top < 0 || left > width || top > height) return true;
      const whole = level.names[id], most = small ? 22 : 34;
      const text = whole.length > most ? `${whole.slice(0, most - 1)}…` : whole;
      const half = context.measureText(text).width / 2 + 4;
      const x = Math.max(half, Math.min(width - half, left));
      const isFree = y => y > LINE / 2 && y < height - LINE / 2
        && !placed.some(other => Math.abs(other.x - x) < other.half + half && Math.abs(other.y - y) < LINE);
      const y = shifts.map(shift => top + shift).find(isFree);
      if (y === undefined) return false;
      placed.push({ text, x, y, half, left, top, font: context.font });
      return true;
    };
    map.levels.slice(first, first + 2).forEach((level, below) => {
      const coarse = !below && first + 1 < map.levels.length;
      context.font = `${coarse ? 750 : 600} ${(small ? 11 : 13) + (coarse ? 3 : 0)}px system-ui, sans-serif, embedded`;
      let ids = level.names.map((_, id) => id);
      for (const shifts of [[0], [-LINE, LINE, -2 * LINE, 2 * LINE]]) {
        ids = ids.filter(id => placed.length < 150 && !place(level, id, shifts));
      }
    });
    context.lineWidth = 1;
    context.strokeStyle = ink;
    context.beginPath();
    for (const { y, left, top } of placed) {
      if (y === top) continue;
      context.moveTo(left, top);
      context.lineTo(left, y);
    }
    context.stroke();
    context.lineWidth = 4;
    context.strokeStyle = ground;
    context.fillStyle = ink;
    for (const { text, x, y, font } of placed) {
      context.font = font;
      context.strokeText(text, x, y);
      context.fillText(text, x, y);
    }
    if (ring >= 0) {
      const [x, y] = toScreen(X[ring], Y[ring]);
      context.lineWidth = 2;
      context.strokeStyle = ink;
      context.beginPath();
      context.arc(x, y, 8, 0, 7);
      context.stroke();
    }
    if (path && path.length > 1) {
      context.lineWidth = 2;
      context.strokeStyle = ink;
      context.setLineDash([5, 4]);
      context.beginPath();
      path.forEach(([x, y]) => context.lineTo(x, y));
      context.stroke();
      context.setLineDash([]);
    }
  };

  let asked = 0, whole = 0;
  const draw = (moving = false) => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => {
      if (!width) return;
      const fast = moving && n > FAST;
      rasterise(fast);
      annotate();
      clearTimeout(whole);
      if (fast) whole = setTimeout(draw, 150);
    });
  };
  // No higher than the points are, at full width: a wide map is low on a phone.
  const fit = () => {
    frame.style.height = "";
    const [[left, right], [low, high]] = extent, most = frame.clientHeight;
    const wanted = frame.clientWidth * (high - low) / (right - left || 1) + 60;
    frame.style.height = `${Math.round(Math.min(most, Math.max(280, wanted)))}px`;
  };
  const resize = () => {
    const fresh = !width;
    if (frame.clientWidth && frame.clientWidth !== width) fit();
    width = frame.clientWidth;
    height = frame.clientHeight;
    ratio = Math.min(2, devicePixelRatio || 1);
    if (!width || !height) return;
    for (const each of [canvas, overlay]) { each.width = width * ratio; each.height = height * ratio; }
    image = canvas.getContext("2d").createImageData(canvas.width, canvas.height);
    pixels = new Uint32Array(image.data.buffer);
    if (fresh) reset();
    rasterise(false); // at once: a canvas of a new size is empty
    annotate();
  };

  // --- The nearest point, by a grid over the map -------------------------------------------------
  const GRID = 256;
  const cellOf = i => (Y[i] >> 8) * GRID + (X[i] >> 8);
  const starts = new Uint32Array(GRID * GRID + 1), inCell = new Uint32Array(n);
  for (let i = 0; i < n; i++) starts[cellOf(i) + 1]++;
  for (let c = 0; c < GRID * GRID; c++) starts[c + 1] += starts[c];
  const next = starts.slice();
  for (let i = 0; i < n; i++) inCell[next[cellOf(i)]++] = i;
  const nearest = (sx, sy) => {
    const [x, y] = toMap(sx, sy), reach = 10 / view.scale;
    let best = -1, least2 = reach * reach;
    const cell = value => Math.min(GRID - 1, Math.max(0, value >> 8));
    for (let cy = cell(y - reach); cy <= cell(y + reach); cy++) {
      for (let cx = cell(x - reach); cx <= cell(x + reach); cx++) {
        for (let k = starts[cy * GRID + cx]; k < starts[cy * GRID + cx + 1]; k++) {
          const i = inCell[k], d = (X[i] - x) ** 2 + (Y[i] - y) ** 2;
          if (d < least2) { least2 = d; best = i; }
        }
      }
    }
    return best;
  };

  // --- Documents: the selection as a list --------------------------------------------------------
  let chosen = [], listed = 0;
  const shown = (of, i) => {
    if (of.codes) return of.codes[i] < of.values.length ? of.values[of.codes[i]] : "none";
    const value = of.numbers[i];
    if (value !== value) return "none";
    return of.kind === "date" ? new Date(value * 864e5).toISOString().slice(0, 10) : String(+value.toPrecision(4));
  };
  const about = i => {
    const parts = [`row ${rows[i]}`, `topic ${shown(topic, i)}`];
    if (column !== topic) parts.push(`${column.name} ${shown(column, i)}`);
    return parts.join(" · ");
  };
  const listMore = () => {
    const upto = Math.min(chosen.length, listed + 50);
    for (; listed < upto; listed++) {
      const i = chosen[listed], item = make("li", { dir: "auto" }, make("small", { textContent: about(i) }), make("br"), map.text[i]);
      list.append(item);
    }
    more.hidden = listed >= chosen.length;
  };
  more.addEventListener("click", listMore);
  const show = (points, title) => {
    chosen = points;
    listed = 0;
    list.replaceChildren();
    element("map-selected").textContent = title;
    listMore();
  };
  const select = (points, title) => {
    selected = null;
    if (points) {
      selected = new Uint8Array(n);
      for (const i of points) selected[i] = 1;
    }
    show(points || [], points ? `${count(points.length, "document")} ${title}` : "");
    draw();
  };
  const where = test => {
    const points = [];
    for (let i = 0; i < n; i++) if (test(i)) points.push(i);
    return points;
  };
  const pick = (code, keep = false) => {
    picked = picked === code && !keep ? null : code;
    element("map-legend").querySelectorAll("button").forEach(button => button.setAttribute("aria-pressed", +button.dataset.code === picked));
    const title = code < column.values.length ? column.values[code] : "without";
    select(picked === null ? null : where(i => column.codes[i] === code), `· ${column.name}: ${title}`);
  };

  // --- Legend ------------------------------------------------------------------------------------
  const legend = () => {
    const place = element("map-legend");
    place.replaceChildren();
    if (column.codes) {
      const counts = new Uint32Array(column.values.length + 1);
      for (const code of column.codes) counts[code]++;
      [...column.values, "none"].forEach((value, code) => {
        if (!counts[code]) return;
        const swatch = make("span", { className: "swatch" });
        swatch.style.setProperty("--colour", css(palette[code]));
        const button = make("button", { type: "button" }, swatch, make("bdi", { textContent: value }), make("small", { textContent: counts[code].toLocaleString("en") }));
        button.dataset.code = code;
        button.setAttribute("aria-pressed", code === picked);
        button.addEventListener("click", () => pick(code));
        place.append(button);
      });
    } else if (column.low <= column.high) {
      const bar = make("div", { className: "ramp" }), ends = make("div", { className: "ends" });
      bar.style.background = `linear-gradient(90deg, ${[0, .25, .5, .75, 1].map(share => css(mixed(share))).join()})`;
      const text = value => shown({ kind: column.kind, numbers: [value] }, 0);
      ends.append(make("small", { textContent: text(column.low) }), make("small", { textContent: text(column.high) }));
      place.append(bar, ends);
    }
  };
  const chooser = element("map-colour");
  map.columns.forEach((each, i) => chooser.append(make("option", { value: i, textContent: each.name })));
  const colourBy = index => {
    column = map.columns[index];
    chooser.value = index;
    picked = null;
    recolour();
    legend();
    select(null);
  };
  chooser.addEventListener("change", () => colourBy(+chooser.value));

  // --- Search, lasso, moving ---------------------------------------------------------------------
  element("map-search").addEventListener("input", later(250, event => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    picked = null;
    if (!words.length) return select(null);
    select(where(i => { const text = map.text[i].toLowerCase(); return words.every(word => text.includes(word)); }), "found (in the texts as cut here)");
  }));
  const lasso = element("map-lasso");
  lasso.addEventListener("click", () => {
    const on = lasso.getAttribute("aria-pressed") !== "true";
    lasso.setAttribute("aria-pressed", on);
    frame.classList.toggle("lasso", on);
  });
  const inside = (polygon, x, y) => {
    let odd = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [ax, ay] = polygon[a], [bx, by] = polygon[b];
      if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) odd = !odd;
    }
    return odd;
  };
  const enclose = () => {
    const polygon = path.map(([x, y]) => toMap(x, y));
    path = null;
    if (polygon.length < 3) return select(null);
    const xs = polygon.map(point => point[0]), ys = polygon.map(point => point[1]);
    const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    select(where(i => X[i] >= left && X[i] <= right && Y[i] >= low && Y[i] <= high && inside(polygon, X[i], Y[i])), "in the lasso");
  };
  const zoom = (factor, sx = width / 2, sy = height / 2) => {
    const [x, y] = toMap(sx, sy);
    view.scale = Math.min(least * 400, Math.max(least * .5, view.scale * factor));
    view.x = x - (sx - width / 2) / view.scale;
    view.y = y + (sy - height / 2) / view.scale;
    draw(true);
  };
  const move = (dx, dy) => {
    view.x -= dx / view.scale;
    view.y += dy / view.scale;
    draw(true);
  };
  const spot = event => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const pointers = new Map();
  let travelled = 0;
  canvas.addEventListener("pointerdown", event => {
    pointers.set(event.pointerId, spot(event));
    travelled = 0;
    canvas.setPointerCapture(event.pointerId);
    if (frame.classList.contains("lasso")) path = [spot(event)];
  });
  const hover = event => {
    const [sx, sy] = spot(event), i = nearest(sx, sy);
    tip.hidden = i < 0;
    if (i === ring) { if (i < 0) return; } else { ring = i; annotate(); }
    if (i < 0) return;
    tip.replaceChildren(make("small", { textContent: about(i) }), make("div", { dir: "auto", textContent: map.text[i].slice(0, 300) }));
    tip.style.left = `${Math.max(0, Math.min(sx + 14, width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${sy + 16 + tip.offsetHeight > height ? Math.max(0, sy - tip.offsetHeight - 12) : sy + 16}px`;
  };
  canvas.addEventListener("pointermove", event => {
    const from = pointers.get(event.pointerId), to = spot(event);
    if (!from) { if (event.pointerType !== "touch") hover(event); return; }
    travelled += Math.hypot(to[0] - from[0], to[1] - from[1]);
    if (path) { path.push(to); annotate(); pointers.set(event.pointerId, to); return; }
    tip.hidden = true;
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()], before = Math.hypot(a[0] - b[0], a[1] - b[1]);
      pointers.set(event.pointerId, to);
      const [c, d] = [...pointers.values()], after = Math.hypot(c[0] - d[0], c[1] - d[1]);
      move((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
      if (before > 0) zoom(after / before, (c[0] + d[0]) / 2, (c[1] + d[1]) / 2);
      return;
    }
    pointers.set(event.pointerId, to);
    move(to[0] - from[0], to[1] - from[1]);
  });
  const release = event => {
    if (!pointers.delete(event.pointerId)) return;
    if (path) return enclose();
    if (event.type === "pointerup" && travelled < 5) {
      const i = nearest(...spot(event));
      ring = i;
      if (i >= 0) { show([i], "1 document"); annotate(); } else if (selected) { picked = null; legend(); select(null); }
    }
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("wheel", event => {
    // The page scrolls on, unless the map was chosen by a click or the control key is held.
    if (document.activeElement !== canvas && !event.ctrlKey) return;
    event.preventDefault();
    zoom(Math.exp(-Math.max(-80, Math.min(80, event.deltaY)) * .004), ...spot(event));
  }, { passive: false });
  const keys = {
    "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), "0": () => { reset(); draw(); },
    ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0), ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
  };
  canvas.addEventListener("keydown", event => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  element("map-in").addEventListener("click", () => zoom(1.6));
  element("map-out").addEventListener("click", () => zoom(1 / 1.6));
  element("map-reset").addEventListener("click", () => { reset(); picked = null; ring = -1; legend(); select(null); });
  for (const button of document.querySelectorAll(".on-map")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      colourBy(0);
      pick(+button.dataset.topic, true);
      jump("map");
    });
  }

  dark.addEventListener("change", () => { recolour(); legend(); draw(); });
  onPrint(() => { recolour(); legend(); annotate(); if (!printing) rasterise(false); });
  colourBy(0);
  // Embedded fonts are loaded when text needs them; what was drawn before shows boxes.
  document.fonts.addEventListener("loadingdone", () => { legend(); if (width) annotate(); });
  new ResizeObserver(() => requestAnimationFrame(resize)).observe(frame);
};
drawMap();
