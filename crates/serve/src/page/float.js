// A number in a format: type it, or flip its bits.

import { ask, element } from "./server.js";

const $ = (id) => document.getElementById(id);
const OWN = "own";

const format = () => ($("format").value === OWN
  ? `${$("exponent-bits").value}x${$("fraction-bits").value}`
  : $("format").value);

/** The bits as buttons; the one that was flipped keeps the focus. */
function bits(shown, focused) {
  const { sign_bits, exponent_bits } = shown.layout;
  const kind = (i) => (i < sign_bits ? "sign" : i < sign_bits + exponent_bits ? "exponent" : "fraction");
  const width = shown.bits.length;
  $("bits").replaceChildren(...[...shown.bits].map((bit, i) => {
    const button = element("button", bit, {
      type: "button", class: kind(i), "aria-pressed": bit === "1", "aria-label": `${kind(i)} bit ${width - 1 - i}: ${bit}`,
    });
    button.addEventListener("click", () => {
      const code = BigInt(shown.code) ^ (1n << BigInt(width - 1 - i));
      look({ code: `0x${code.toString(16)}` }, i);
    });
    return button;
  }));
  if (focused !== undefined) $("bits").children[focused]?.focus();
}

function facts(shown) {
  const neighbour = (other) => (other ? `${other.value}   ${other.code}` : "none");
  const rows = [
    ["Format", `${shown.format}: ${shown.layout.sign_bits} sign, ${shown.layout.exponent_bits} exponent, ${shown.layout.fraction_bits} fraction bits, bias ${shown.layout.bias}`],
    ["Code", shown.code],
    ["Class", shown.class],
    ["Exact value", shown.value ?? shown.shortest],
    ["Shortest", shown.shortest],
    ["Hexadecimal", shown.hex],
    ["Stored − typed", shown.error],
    ["Spacing (ulp)", shown.ulp],
    ["Next below", neighbour(shown.below)],
    ["Next above", neighbour(shown.above)],
  ];
  $("facts").replaceChildren(...rows.filter(([, value]) => value !== null).map(([name, value]) => {
    const row = element("tr");
    row.append(element("th", name, { scope: "row" }), element("td", value));
    return row;
  }));
  $("derived").hidden = !shown.derivations;
  $("derivations").replaceChildren(...(shown.derivations ?? []).flatMap((step) => [
    element("dt", `${step.name}: ${step.value}`), element("dd", step.reason),
  ]));
}

let newest = 0;

async function look(what, focused) {
  const mine = ++newest;
  try {
    const shown = await ask("float", { ...what, format: format() });
    if (mine !== newest) return;
    if (what.code) $("number").value = shown.shortest;
    $("float-status").textContent = "";
    bits(shown, focused);
    facts(shown);
  } catch (error) {
    if (mine !== newest) return;
    $("float-status").className = "error";
    $("float-status").textContent = error.message;
  }
}

const typed = () => {
  $("design").hidden = $("format").value !== OWN;
  if ($("number").value.trim()) look({ number: $("number").value.trim() });
};

$("float-form").addEventListener("input", typed);
$("float-form").addEventListener("submit", (event) => event.preventDefault());
let begun = false;
document.addEventListener("shown", async (event) => {
  if (event.detail !== "float" || begun) return;
  begun = true;
  try {
    const { formats } = await ask("float/formats");
    const names = [...formats.map((one) => one.name), OWN];
    $("format").append(...names.map((name) => element("option", name === OWN ? "your own…" : name, { value: name })));
    $("format").value = names.includes("binary32") ? "binary32" : names[0];
    typed();
  } catch (error) {
    begun = false;
    $("float-status").textContent = error.message;
  }
});
