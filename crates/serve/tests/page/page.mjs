// The page in headless Chromium, over its own debugging protocol: node page.mjs CHROMIUM URL.
// Nothing is installed for it; Node has the WebSocket from version 22 on, before that it is not run.

import assert from "node:assert";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [, , chromium, url] = process.argv;
const profile = mkdtempSync(join(tmpdir(), "ulp-page-"));
const browser = spawn(chromium, [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
  "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank",
], { stdio: ["ignore", "ignore", "pipe"] });

/** The address of the debugging socket, which Chromium says on standard error. */
function debugger_address() {
  return new Promise((resolve, reject) => {
    let said = "";
    browser.stderr.on("data", (text) => {
      said += text;
      const found = said.match(/ws:\/\/[^\s]+/);
      if (found) resolve(found[0]);
    });
    browser.on("exit", () => reject(new Error(`chromium ended: ${said}`)));
    setTimeout(() => reject(new Error(`no debugger: ${said}`)), 30000).unref();
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  const { host } = new URL(await debugger_address());
  const targets = await (await fetch(`http://${host}/json`)).json();
  const socket = new WebSocket(targets.find((target) => target.type === "page").webSocketDebuggerUrl);
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  let last = 0;
  const waiting = new Map(), requests = [], faults = [];
  socket.addEventListener("message", ({ data }) => {
    const { id, result, error, method, params } = JSON.parse(data);
    if (id) waiting.get(id)(error ? Promise.reject(new Error(error.message)) : result);
    if (method === "Network.requestWillBeSent") requests.push(params.request.url);
    if (method === "Runtime.exceptionThrown") faults.push(params.exceptionDetails.exception?.description);
    if (method === "Log.entryAdded" && params.entry.level === "error") faults.push(params.entry.text);
  });
  const send = (method, params = {}) => new Promise((resolve) => {
    waiting.set(++last, resolve);
    socket.send(JSON.stringify({ id: last, method, params }));
  });
  const value = async (expression) => {
    const { result, exceptionDetails } =
      await send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    assert(!exceptionDetails, exceptionDetails?.exception?.description);
    return result.value;
  };
  const until = async (expression) => {
    for (let i = 0; i < 300; i += 1) {
      if (await value(expression)) return;
      await sleep(50);
    }
    throw new Error(`never: ${expression}; the page says ${await value("document.body.innerText")}`);
  };
  const key = async (name, text) => {
    const event = { key: name, code: name, text, windowsVirtualKeyCode: { Enter: 13, ArrowRight: 39 }[name] };
    await send("Input.dispatchKeyEvent", { type: "keyDown", ...event });
    await send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  };
  for (const domain of ["Network", "Runtime", "Log", "Page"]) await send(`${domain}.enable`);

  await send("Page.navigate", { url });
  await until("document.querySelector('#model-name')?.textContent === 'tiny'");

  // Chat, by the keyboard alone.
  await value("for (const [id, x] of [['max_tokens', 12], ['seed', 3]]) document.getElementById(id).value = x; question.focus()");
  await send("Input.insertText", { text: "Hello" });
  await key("Enter", "\r");
  await until("document.querySelector('#chat-status').textContent.includes('tokens,')");
  const answer = await value("document.querySelector('#messages li:last-child .text').textContent");
  const direct = await (await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      messages: [{ role: "user", content: "Hello" }], max_tokens: 12, seed: 3,
      temperature: 0.8, top_p: 0.95, top_k: 40, min_p: 0.05, repetition_penalty: 1,
    }),
  })).json();
  assert.equal(answer, direct.choices[0].message.content);
  await value("document.querySelector('.token').focus()");
  await key("ArrowRight");
  assert(await value("document.activeElement.classList.contains('token')"), "arrows walk through tokens");
  assert(await value("document.querySelectorAll('#alternatives tr').length") >= 8, "rivals are shown");
  assert(await value("document.activeElement.getAttribute('aria-label').endsWith('%')"));
  console.log("ok chat");

  await value("document.querySelector('#temperature').value = 7; question.value = 'x'; ask.requestSubmit()");
  await until("document.querySelector('#chat-status').textContent.includes('temperature is 7')");
  console.log("ok refusals are shown");

  // To the next page by arrow keys.
  await value("document.querySelector('#tab-chat').focus()");
  await key("ArrowRight");
  await until("!document.querySelector('#engine').hidden && document.querySelectorAll('#map .block').length > 0");
  await until("document.querySelector('#map-text').textContent.includes(' kept')");
  await until("document.querySelector('#rate-text').textContent.startsWith('Now')");
  const limit = () => value(`[...document.querySelectorAll("#engine-numbers dt")]
    .find((e) => e.textContent === "Of the machine's limit").nextElementSibling.textContent`);
  assert.match(await limit(), /^[\d.]+%$/);
  console.log("ok engine");

  await key("ArrowRight");
  await until("document.querySelectorAll('#bits button').length === 32");
  await value("document.querySelector('#bits button').click()");
  await until("document.querySelector('#number').value === '-0.1'");
  assert.equal(await value("document.activeElement.getAttribute('aria-label')"), "sign bit 31: 1");
  await value("format.value = 'own'; format.dispatchEvent(new Event('input', { bubbles: true }))");
  await until("document.querySelectorAll('#bits button').length === 10");
  assert(await value("document.querySelectorAll('#derivations dt').length") > 3);
  console.log("ok float");

  // Light and dark, and what a screen reader needs: a name for every control.
  for (const scheme of ["light", "dark"]) {
    await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    const [ink, back] = await value(`(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; })()`);
    const luminance = (color) => {
      const part = (x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
      const [r, g, b] = color.match(/[\d.]+/g).map(Number).map(part);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [dim, bright] = [luminance(ink), luminance(back)].sort((a, b) => a - b);
    assert((bright + 0.05) / (dim + 0.05) >= 7, `${scheme}: ${ink} on ${back}`);
    assert.equal(luminance(back) > luminance(ink), scheme === "light");
  }
  const nameless = await value(`[...document.querySelectorAll("button, input, select, textarea")]
    .filter((e) => !(e.textContent.trim() || e.labels?.length || e.getAttribute("aria-label"))).map((e) => e.outerHTML)`);
  assert.deepEqual(nameless, []);
  console.log("ok light, dark, names");

  const outside = requests.filter((one) => !one.startsWith(url) && !one.startsWith("data:") && one !== "about:blank");
  assert.deepEqual(outside, [], "requests to others");
  assert.deepEqual(faults.filter((fault) => !fault?.includes("400")), []);
  console.log("ok nobody else is asked");
}

try {
  await main();
} finally {
  browser.kill();
  await new Promise((resolve) => (browser.exitCode === null && browser.signalCode === null ? browser.on("exit", resolve) : resolve()));
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(process.exitCode ?? 0);
