// The heatmap of the topics' similarity.
const drawSimilarity = () => {
  const heat = data("similarity");
  if (!heat) return;
  const cells = typed(Uint8Array, heat.cells), n = heat.topics.length;
  const canvas = element("similarity-canvas"), frame = element("similarity-frame"), tip = element("similarity-tip");
  let margin = 0, cell = 0, drawn = 0;
  const draw = () => {
    const width = frame.clientWidth, ratio = devicePixelRatio || 1;
    if (!width) return;
    drawn = width;
    margin = n <= 40 && width > 480 ? 200 : 28;
    cell = Math.min(56, (width - margin) / n);
    const height = cell * n + 4;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const [ink, , accent] = inks();
    for (let row = 0; row < n; row++) for (let column = 0; column < n; column++) {
      // From the page's ground to its accent.
      context.globalAlpha = cells[row * n + column] / 255;
      context.fillStyle = accent;
      context.fillRect(margin + column * cell, row * cell, Math.ceil(cell), Math.ceil(cell));
    }
    context.globalAlpha = 1;
    if (cell < 9) return;
    context.fillStyle = ink;
    context.font = `${Math.min(13, cell * .8)}px system-ui, sans-serif, embedded`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    heat.topics.forEach((topic, row) => {
      let text = margin > 100 ? `${topic.label} ${topic.id}` : `${topic.id}`;
      while (context.measureText(text).width > margin - 8 && topic.label && text.length > 6)
        text = `${text.slice(0, text.length - String(topic.id).length - 4)}… ${topic.id}`;
      context.fillText(text, margin - 6, (row + .5) * cell);
    });
  };
  const at = event => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - margin) / cell);
    const row = Math.floor((event.clientY - box.top) / cell);
    return row >= 0 && row < n && column >= 0 && column < n ? [row, column] : null;
  };
  canvas.addEventListener("pointermove", event => {
    const hit = at(event);
    tip.hidden = !hit;
    if (!hit) return;
    const [a, b] = hit.map(place => heat.topics[place]);
    const value = heat.low + cells[hit[0] * n + hit[1]] / 255 * (heat.high - heat.low);
    tip.textContent = a === b ? `${a.id} ${a.label}` : `${a.id} ${a.label} — ${b.id} ${b.label}: ${value.toFixed(2)}`;
    const box = frame.getBoundingClientRect();
    tip.style.left = `${Math.min(event.clientX - box.left + 14, Math.max(0, box.width - tip.offsetWidth))}px`;
    tip.style.top = `${event.clientY - box.top + 16}px`;
  });
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("click", event => {
    const hit = at(event);
    if (hit) jump(`topic-${heat.topics[hit[0]].id}`);
  });
  new ResizeObserver(() => { if (frame.clientWidth !== drawn) requestAnimationFrame(draw); }).observe(frame);
  dark.addEventListener("change", draw);
  document.fonts.addEventListener("loadingdone", draw); // see map.js
  onPrint(draw);
};
drawSimilarity();
