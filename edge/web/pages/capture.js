"use strict";
const at = (id) => document.getElementById(id);
const PHASES = {"first views": "First views", "improving": "Improving", "done": "Target reached", "ended": "Finished"};
let state = null;
let spoken = "";
let taken = null;
let sound = null;

// Pictures: the next one is asked for when the last one is there, so that a slow link shows fewer, never old ones.
function follow(image, place) {
  let shown = -1;
  async function next() {
    if (state === null || state.count === shown) { setTimeout(next, 30); return; }
    shown = state.count;
    try {
      const answer = await fetch(`${place}.jpg?n=${shown}`);
      if (!answer.ok) throw new Error(answer.status);
      const url = URL.createObjectURL(await answer.blob());
      image.src = url;
      try { await image.decode(); } finally { setTimeout(() => URL.revokeObjectURL(url), 1000); }
      setTimeout(next, 0);
    } catch { setTimeout(next, 500); }
  }
  next();
}

async function act(action, data = {}) {
  await fetch(action, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(data)});
}

function text(id, words) {
  const element = at(id);
  if (element.textContent !== words) element.textContent = words;
}

function short(value) {
  if (value === null || value === undefined) return "–";
  return value < 1 ? value.toFixed(2) : value < 10 ? value.toFixed(1) : value.toFixed(0);
}

function show(now) {
  state = now;
  const mirrored = at("mirror").checked;
  document.body.className = [
    now.phase.replace(" ", "-"), mirrored ? "mirrored" : "", now.error_px !== null && now.error_px <= now.target_px ? "met" : "",
    now.phase !== "done" && now.phase !== "ended" && now.cameras.some((camera) => !camera.found) ? "lost" : "",
  ].join(" ");
  const words = mirrored ? now.mirrored : now.instruction;
  text("phase", PHASES[now.phase] + (now.solving ? " · computing" : ""));
  text("instruction", words);
  text("detail", now.message || now.detail);
  at("hold").style.width = `${100 * now.hold}%`;
  text("error", short(now.error_px));
  text("target", short(now.target_px));
  text("count", String(now.views.length));
  text("where", now.distances_m.length === 1 ? `at ${now.distances_m[0]} m` :
    `at ${Math.min(...now.distances_m)} to ${Math.max(...now.distances_m)} m`);
  at("progress").style.width = `${100 * now.progress}%`;
  at("bar").setAttribute("aria-valuenow", String(Math.round(100 * now.progress)));
  text("aside", aside(now));
  now.cameras.forEach((camera, index) => {
    document.querySelectorAll(`[data-camera="${index}"]`).forEach((element) => { element.textContent = camera.name; });
    document.querySelector(`[data-seen="${index}"]`).textContent =
      !camera.found ? "board not seen" : camera.still ? "held still" : "board found";
    map(at(`map${index}`), camera.coverage);
  });
  views(now);
  for (const id of ["snap", "undo", "skip", "finish"]) at(id).disabled = now.phase === "ended";
  at("undo").disabled ||= now.views.length === 0;
  tell(words, now);
}

function aside(now) {
  const parts = [];
  if (now.error_px !== null) {
    parts.push(now.errors.map(([d, low, , bound]) => `${d} m: ${short(low)} to ${short(bound)} px`).join(", "));
    if (now.held_out !== null) parts.push(`left-out views fit ${now.held_out.toFixed(2)} times as badly`);
    if (now.expected_px !== null && now.phase === "improving") parts.push(`next view: about ${short(now.expected_px)} px`);
  }
  return parts.join(" · ");
}

function map(element, coverage) {
  const cells = coverage.flat();
  while (element.children.length < cells.length) element.append(document.createElement("i"));
  cells.forEach((count, index) => { element.children[index].dataset.level = String(Math.min(count, 3)); });
}

function views(now) {
  const list = at("views");
  at("none").hidden = now.views.length > 0;
  const names = new Set(now.views.map((view) => view.name));
  for (const item of [...list.children]) if (!names.has(item.dataset.name)) item.remove();
  for (const view of now.views) {
    let item = [...list.children].find((child) => child.dataset.name === view.name);
    if (!item) { item = entry(view.name, now.cameras); list.append(item); }
    const words = view.note ? "not used" : view.error_px === null ? "" : `${view.error_px.toFixed(2)} px`;
    const label = item.querySelector("span");
    label.textContent = `${view.name} ${words}`.trim();
    label.className = view.note ? "bad" : "";
    item.title = view.note;
    item.querySelector("button").disabled = now.phase === "ended";
  }
}

function entry(name, cameras) {
  const item = document.createElement("li");
  item.dataset.name = name;
  for (const camera of cameras) {
    const image = document.createElement("img");
    image.alt = `View ${name}, ${camera.name}`;
    image.src = `view.jpg?name=${encodeURIComponent(name)}&camera=${encodeURIComponent(camera.name)}`;
    item.append(image);
  }
  const row = document.createElement("div");
  row.className = "row";
  const button = document.createElement("button");
  button.textContent = "Delete";
  button.setAttribute("aria-label", `Delete view ${name}`);
  button.onclick = () => act("delete", {name});
  row.append(document.createElement("span"), button);
  item.append(row);
  return item;
}

function tell(words, now) {
  if (at("beep").checked && taken !== null && now.views.length > taken) beep(now.phase === "done" ? 1320 : 880);
  taken = now.views.length;
  // Words that change while they are spoken only confuse: the next ones wait for the end of the last.
  if (at("speak").checked && words !== spoken && "speechSynthesis" in window && !speechSynthesis.speaking) {
    spoken = words;
    speechSynthesis.speak(new SpeechSynthesisUtterance(words));
  }
}

function beep(hertz) {
  sound = sound || new AudioContext();
  const tone = sound.createOscillator();
  const volume = sound.createGain();
  tone.frequency.value = hertz;
  volume.gain.setValueAtTime(0.25, sound.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + 0.25);
  tone.connect(volume).connect(sound.destination);
  tone.start();
  tone.stop(sound.currentTime + 0.25);
}

for (const id of ["snap", "undo", "skip", "finish"]) at(id).onclick = () => act(id);
for (const id of ["mirror", "beep", "speak"]) {
  at(id).checked = localStorage.getItem(id) === "yes";
  at(id).onchange = () => {
    localStorage.setItem(id, at(id).checked ? "yes" : "no");
    if (id === "beep" && at(id).checked) beep(880);
    if (state) show(state);
  };
}
follow(at("reference"), "reference");
follow(at("other"), "other");
const source = new EventSource("events");
source.onmessage = (event) => show(JSON.parse(event.data));
source.onerror = () => {
  if (state && state.phase === "ended") source.close();
  else { text("phase", "Connection lost"); text("detail", "The capture has ended, or the machine cannot be reached."); }
};
