// A conversation: answers stream in, each token with its probability and its rivals.

import { ask, element, stream } from "./server.js";

const ALTERNATIVES = 8;
const $ = (id) => document.getElementById(id);
const list = $("messages");
const status = $("chat-status");
let messages = [];
let running = null;

/** A message on the page; gives the element that its text goes into. */
function put(role, text) {
  const item = element("li");
  item.append(element("h3", role === "user" ? "You" : "Model"));
  const body = element("div", text, { class: "text" });
  item.append(body);
  list.append(item);
  item.scrollIntoView({ block: "nearest" });
  return body;
}

const percent = (logprob) => `${(100 * Math.exp(logprob)).toPrecision(3)}%`;
const visible = (token) => token.replace(/\n/g, "⏎").replace(/ /g, "␣") || "(nothing)";

/** A token of an answer, coloured by its probability. */
function token(entry, text) {
  const step = Math.min(9, Math.floor(10 * Math.exp(entry.logprob)));
  const made = element("span", text, {
    class: `token p${step}`,
    tabindex: "-1",
    role: "button",
    "aria-label": `${visible(entry.token)}, ${percent(entry.logprob)}`,
  });
  const show = () => alternatives(entry);
  made.addEventListener("mouseenter", show);
  made.addEventListener("focus", show);
  made.addEventListener("click", () => made.focus());
  return made;
}

function alternatives(entry) {
  const table = element("table");
  table.append(element("caption", `${visible(entry.token)}: ${percent(entry.logprob)}`));
  const body = element("tbody");
  for (const rival of entry.top_logprobs) {
    const row = element("tr");
    const mark = rival.token === entry.token ? " ✓" : "";
    row.append(element("td", visible(rival.token) + mark, { class: "mono" }), element("td", percent(rival.logprob)));
    body.append(row);
  }
  table.append(body);
  $("alternatives").replaceChildren(table);
}

/** Adds a chunk's tokens; text that they do not make (half characters) comes as it is. */
function add(body, choice) {
  const text = choice.delta.content ?? "";
  const entries = choice.logprobs?.content ?? [];
  const decoder = new TextDecoder();
  if (entries.length === 1) {
    body.append(token(entries[0], text));
  } else if (entries.length === 0) {
    body.append(text);
  } else {
    let left = text;
    for (const [i, entry] of entries.entries()) {
      const piece = decoder.decode(new Uint8Array(entry.bytes), { stream: i + 1 < entries.length });
      const own = i + 1 === entries.length ? left : left.slice(0, piece.length);
      left = left.slice(own.length);
      body.append(token(entry, own));
    }
  }
  const first = body.querySelector(".token");
  if (first && !body.querySelector("[tabindex='0']")) first.tabIndex = 0;
  return text;
}

/** The controls' values; an empty one is left out, so that the server's default holds. */
function sampling() {
  const wanted = {};
  for (const name of ["temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens", "seed"]) {
    if ($(name).value !== "") wanted[name] = Number($(name).value);
  }
  return wanted;
}

async function answer(question) {
  messages.push({ role: "user", content: question });
  put("user", question);
  const body = put("assistant", "");
  const system = $("system").value;
  const said = system ? [{ role: "system", content: system }, ...messages] : messages;
  running = new AbortController();
  $("send").disabled = true;
  $("stop").disabled = false;
  status.textContent = "The model answers…";
  let text = "", usage = null, reason = "", start = performance.now(), first = 0;
  try {
    await stream("v1/chat/completions", {
      messages: said, ...sampling(), stream: true, stream_options: { include_usage: true },
      logprobs: true, top_logprobs: ALTERNATIVES,
    }, running.signal, (event) => {
      usage = event.usage ?? usage;
      const choice = event.choices[0];
      if (!choice) return;
      reason = choice.finish_reason ?? reason;
      const piece = add(body, choice);
      if (piece && !first) first = performance.now();
      text += piece;
    });
    const seconds = (performance.now() - first) / 1000;
    const rate = ((usage.completion_tokens - 1) / seconds).toFixed(1);
    status.className = "";
    status.textContent = `${usage.completion_tokens} tokens, ${rate} a second; first after ` +
      `${Math.round(first - start)} ms, ${usage.prompt_tokens_details.cached_tokens} of ` +
      `${usage.prompt_tokens} prompt tokens from the cache` + (reason === "length" ? "; cut" : "");
  } catch (error) {
    status.className = error.name === "AbortError" ? "" : "error";
    status.textContent = error.name === "AbortError" ? "Stopped." : error.message;
  }
  if (text) {
    messages.push({ role: "assistant", content: text });
  } else {
    messages.pop();
  }
  running = null;
  $("send").disabled = false;
  $("stop").disabled = true;
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = $("question").value;
  if (running || !question.trim()) return;
  $("question").value = "";
  answer(question);
});
$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("ask").requestSubmit();
  }
});
$("sampling").addEventListener("submit", (event) => event.preventDefault());
$("stop").addEventListener("click", () => running?.abort());
$("clear").addEventListener("click", () => {
  running?.abort();
  messages = [];
  list.replaceChildren();
  status.textContent = "";
  $("question").focus();
});
list.addEventListener("keydown", (event) => {
  const step = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[event.key];
  const next = step && document.activeElement[step];
  if (!next?.classList.contains("token")) return;
  event.preventDefault();
  document.activeElement.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});

ask("v1/models")
  .then((models) => { $("model-name").textContent = models.data[0].id; })
  .catch((error) => { status.textContent = error.message; });
