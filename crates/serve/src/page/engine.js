// The engine as it is now, twice a second while its page is shown.

import { ask, element } from "./server.js";

const $ = (id) => document.getElementById(id);
const POINTS = 120;
let timer = null;
let before = null;
let rates = [];

const share = (part, whole) => (whole ? `${(100 * part / whole).toFixed(1)}%` : "–");

function numbers(view, rate) {
  const { totals } = view;
  const entries = [
    ["Running", `${view.running} of ${view.max_running}`],
    ["Waiting", view.waiting],
    ["Tokens a second", rate === null ? "–" : rate.toFixed(1)],
    ["Prefix hits", share(totals.reused_tokens, totals.prompt_tokens)],
    ["Prompt tokens", totals.prompt_tokens],
    ["Generated tokens", totals.generated_tokens],
    ["Guesses right", share(totals.accepted_tokens, totals.drafted_tokens)],
    ["Preemptions", totals.preemptions],
    ["Steps", totals.steps],
  ];
  // What the planner computes from the machine's bandwidth and peaks, over what it took.
  if (view.least_seconds !== null) entries.push(["Of the machine's limit", share(view.least_seconds, view.busy_seconds)]);
  $("engine-numbers").replaceChildren(...entries.map(([name, value]) => {
    const box = element("div");
    box.append(element("dt", name), element("dd", String(value)));
    return box;
  }));
}

const KINDS = { ".": "free", k: "kept", 1: "running" };

function map(view) {
  const blocks = [...view.map];
  const place = $("map");
  while (place.childElementCount > blocks.length) place.lastChild.remove();
  while (place.childElementCount < blocks.length) place.append(element("i"));
  const counts = { free: 0, kept: 0, running: 0, shared: 0 };
  blocks.forEach((letter, i) => {
    const kind = KINDS[letter] ?? "shared";
    counts[kind] += 1;
    place.children[i].className = `block ${kind}`;
  });
  const mebibytes = ((blocks.length * view.block_bytes) / 2 ** 20).toFixed(1);
  $("map-text").textContent = `${blocks.length} blocks of ${view.block_positions} tokens ` +
    `(${mebibytes} MiB if all are used, ${view.cache_type}): ` +
    `${counts.running} running, ${counts.shared} shared by running, ${counts.kept} kept, ${counts.free} free`;
}

function graph(rate, limit) {
  rates = [...rates, rate].slice(-POINTS);
  const top = Math.max(1, ...rates);
  const points = rates.map((r, i) => `${(i * 240) / (POINTS - 1)},${58 - (56 * r) / top}`);
  $("rate").querySelector("polyline").setAttribute("points", points.join(" "));
  const bound = limit ? ` of at most ${limit.toFixed(1)} on this machine` : "";
  $("rate-text").textContent = `Now ${rate.toFixed(1)}${bound}, highest of the last minute ${top.toFixed(1)}`;
}

async function look() {
  try {
    const view = await ask("engine");
    const now = {
      time: performance.now(), tokens: view.totals.computed_tokens, least: view.least_seconds,
    };
    const rate = before && (1000 * (now.tokens - before.tokens)) / (now.time - before.time);
    // The tokens of this half second, had they come as fast as the machine allows.
    const limit = before && now.least > before.least && (now.tokens - before.tokens) / (now.least - before.least);
    before = now;
    numbers(view, rate);
    map(view);
    if (rate !== null) graph(rate, limit);
  } catch (error) {
    $("map-text").textContent = error.message;
  }
}

document.addEventListener("shown", (event) => {
  clearInterval(timer);
  before = null;
  if (event.detail === "engine") {
    look();
    timer = setInterval(look, 500);
  }
});
