"use strict";
for (const code of document.querySelectorAll("figure.code")) {
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = "Copy";
  button.onclick = async () => {
    const text = code.querySelector("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(code.querySelector("code"));
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  };
  code.append(button);
}

const bar = document.querySelector(".replay");
const [play, slider, clock] = bar.children;
const parts = [...document.querySelectorAll("[data-since]")].map((node) => ({
  node,
  since: +node.dataset.since,
  body: node.querySelector(":scope > .text"),
  steps: (node.dataset.steps || "").split(" ").filter(Boolean).map((step) => step.split(":").map(Number)),
}));
for (const part of parts) part.whole = part.body ? [...part.body.childNodes] : [];

function cutAfter(nodes, chars) {
  const copy = document.createElement("div");
  copy.append(...nodes.map((node) => node.cloneNode(true)));
  const walker = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  let left = chars;
  for (const text of texts) {
    if (left <= 0 && text.parentNode !== copy) text.parentNode.hidden = !text.parentNode.textContent.trim();
    const kept = Math.max(0, Math.min(left, text.data.length));
    left -= text.data.length;
    text.data = text.data.slice(0, kept);
  }
  return [...copy.childNodes];
}

function showAt(seconds) {
  const atEnd = seconds >= +slider.max;
  for (const part of parts) {
    part.node.classList.toggle("later", !atEnd && seconds < part.since);
    if (!part.steps.length) continue;
    const step = part.steps.findLast(([at]) => at <= seconds);
    const share = atEnd || !step ? 1 : step[1];
    if (share === part.share) continue;
    part.share = share;
    const length = part.whole.reduce((sum, node) => sum + node.textContent.length, 0);
    part.body.replaceChildren(...(share >= 1 ? part.whole : cutAfter(part.whole, Math.round(length * share))));
  }
  const whole = Math.floor(seconds);
  clock.textContent = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

let timer = 0;
function stop() {
  clearInterval(timer);
  timer = 0;
  play.textContent = "Replay";
}
play.onclick = () => {
  if (timer) return stop();
  if (+slider.value >= +slider.max) slider.value = 0;
  play.textContent = "Pause";
  const tick = Math.max(0.1, +slider.max / 600);
  timer = setInterval(() => {
    slider.value = +slider.value + tick;
    showAt(+slider.value);
    if (+slider.value >= +slider.max) stop();
  }, 100);
};
slider.oninput = () => (stop(), showAt(+slider.value));
bar.hidden = false;
showAt(+slider.max);
