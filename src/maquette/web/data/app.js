// The page: choose a kind and files, send them, follow the work, look at results.
import { ask, bytes, drawing, make, seconds, sent } from "./elements.js";
import { formOf, settings } from "./form.js";
import { shoot, usable } from "./camera.js";

const $ = (selector) => document.querySelector(selector);
const EAGER_MS = 700, LAZY_MS = 15000;
const STEPS = [
  ["reading", "Read"], ["perception", "Find"], ["reconstruction", "Shape"], ["texturing", "Paint"], ["writing", "Write"],
];
const USES = { glb: "Blender, Unity, Unreal, web", obj: "any 3D program", stl: "to print", ply: "scans, MeshLab", usdz: "iPhone, iPad", mp4: "film", html: "this viewer, by double click" };
const state = { kinds: [], kind: null, chosen: [], jobs: [], said: "", busy: false, timer: 0 };

function say(text, wrong = false) {
  $("#remark").textContent = text;
  $("#remark").classList.toggle("wrong", wrong);
}

function pick(name) {
  state.kind = state.kinds.find((kind) => kind.name === name);
  for (const button of $("#kinds").children) {
    button.setAttribute("aria-checked", String(button.value === name));
    button.tabIndex = button.value === name ? 0 : -1;
  }
  $("#files").accept = state.kind.accept;
  $("#files").multiple = state.kind.most > 1;
  $(".large").textContent = state.kind.most > 1 ? (state.kind.least > 1 ? "Drop two or more photos of one face here" : "Drop photos here") : "Drop a clip here";
  $("#settings .body").replaceChildren(...formOf(state.kind.form));
  state.chosen = state.chosen.filter((one) => fits(one.file)).slice(0, state.kind.most);
  showChosen();
}

// What a browser knows nothing of is for the server to judge.
function fits(file) {
  const film = state.kind.most === 1;
  return !file.type || (film ? !file.type.startsWith("image/") : !file.type.startsWith("video/"));
}

function add(files) {
  say("");
  for (const file of files) {
    const known = state.chosen.some((one) => one.file.name === file.name && one.file.size === file.size && !file.name.startsWith("camera"));
    if (known) continue;
    if (!fits(file)) say(`${file.name}: ${state.kind.most === 1 ? "wanted a clip" : "a clip: choose Clip for it"}.`, true);
    else if (file.size > state.limits.upload) say(`${file.name}: larger than ${bytes(state.limits.upload)}.`, true);
    else if (state.chosen.length >= state.kind.most && state.kind.most > 1) say(`At most ${state.kind.most} photos at once.`, true);
    else {
      const one = { file, address: URL.createObjectURL(file) };
      if (state.kind.most === 1) state.chosen = [one];
      else state.chosen.push(one);
    }
  }
  showChosen();
}

function preview(one) {
  if (one.file.type.startsWith("video/")) return make("video", { src: one.address, muted: true, preload: "metadata" });
  const picture = make("img", { src: one.address, alt: "" });
  picture.onerror = () => picture.replaceWith(make("div", { className: "plain" }, "no preview"));
  return picture;
}

function showChosen() {
  const rows = state.chosen.map((one) => {
    one.bar = make("progress", { max: 1, value: 0, hidden: true });
    const away = make("button", { type: "button", title: "Leave it out", "aria-label": `Leave out ${one.file.name}`, onclick: () => {
      state.chosen = state.chosen.filter((other) => other !== one);
      URL.revokeObjectURL(one.address);
      showChosen();
    } }, "\u00d7");
    return make("li", { title: one.file.name }, preview(one), make("span", {}, one.file.name), away, one.bar);
  });
  $("#chosen").replaceChildren(...rows);
  $("#chosen").hidden = !rows.length;
  $("#drop").classList.toggle("filled", rows.length > 0);
  const short = state.kind.least - rows.length;
  $("#go").disabled = state.busy || short > 0;
  $("#go").textContent = rows.length > 1 && state.kind.least === 1 ? `Make ${rows.length} photos 3D` : "Make it 3D";
  if (rows.length && short > 0) say(short === 1 ? "One more photo is needed." : `${short} more photos are needed.`);
}

async function go() {
  const chosen = [...state.chosen], kind = state.kind;
  state.busy = true;
  $("#go").disabled = true;
  try {
    const uploads = [];
    for (const one of chosen) {
      one.bar.hidden = false;
      say(`Sending ${one.file.name}`);
      uploads.push((await sent(one.file, (share) => { one.bar.value = share; })).id);
    }
    await ask("/api/jobs", "POST", { kind: kind.name, uploads, settings: settings(kind.form) });
    chosen.forEach((one) => URL.revokeObjectURL(one.address));
    state.chosen = state.chosen.filter((one) => !chosen.includes(one));
    say("");
  } catch (error) {
    say(error.message, true);
  }
  state.busy = false;
  showChosen();
  await refresh();
}

const running = (job) => job.state === "waiting" || job.state === "working";
const title = (job) => job.names.join(", ");

function plain(stage) {
  const words = { starting: "getting ready", reading: "reading", perception: "looking for what is there", reconstruction: "shaping", texturing: "painting", writing: "writing files" };
  return stage.replace(/\b(starting|reading|perception|reconstruction|texturing|writing)\b/g, (word) => words[word]).replace(/\b(face|person|pet)-(\d+)/g, "$1 $2");
}

function jobCard(job) {
  const [text, since] = job.stages.at(-1) || ["", 0];
  const card = make("li", { className: "job", "data-state": job.state });
  const cancel = make("button", { type: "button", onclick: () => act(`/api/jobs/${job.id}/cancel`, "POST") }, "Cancel");
  const forget = make("button", { type: "button", onclick: () => act(`/api/jobs/${job.id}`, "DELETE") }, "Dismiss");
  card.append(make("div", { className: "row" }, make("b", {}, title(job)), running(job) ? cancel : forget));
  if (job.state === "waiting") card.append(make("p", { className: "faint" }, job.place > 1 ? `Waiting, ${job.place - 1} before it.` : "Waiting, next in line."));
  else if (job.state === "working") {
    const counted = text.match(/(\d+) of (\d+)/), at = STEPS.findIndex(([word]) => text.includes(word));
    const bar = make("progress", { max: 1 });
    if (counted) bar.value = Number(counted[1]) / Number(counted[2]);
    card.append(bar);
    if (at >= 0) card.append(make("div", { className: "steps" }, ...STEPS.map(([, name], k) => make("span", { className: k < at ? "past" : k === at ? "now" : "" }, name))));
    const passed = make("span", { className: "faint", "data-since": job.begun }, seconds(Math.max(0, Date.now() / 1000 - job.begun)));
    card.append(make("div", { className: "row" }, make("span", { className: "faint" }, plain(text)), passed));
  } else card.append(make("p", { className: job.state === "failed" ? "wrong" : "faint" }, job.note));
  if (since === undefined) card.dataset.odd = "1";
  for (const line of job.failures.filter((line) => line !== job.note)) card.append(make("p", { className: "wrong" }, line));
  return card;
}

function resultCard(job, row, number) {
  const card = make("button", { type: "button", className: "result", onclick: () => { location.hash = `/${job.id}/${number}`; } });
  const [film, sheet] = ["turntable.mp4", "overview.jpg"].map((end) => row.files.find((file) => file.name.endsWith(end)));
  const still = sheet && make("img", { src: fileOf(job, sheet.name), alt: "", loading: "lazy" });
  if (film) {
    // It turns while it is pointed at; where no film can be shown the sheet is.
    const moving = make("video", { src: fileOf(job, film.name), muted: true, loop: true, preload: "metadata", playsInline: true });
    moving.onerror = () => still && moving.replaceWith(still);
    for (const name of ["mouseenter", "focus"]) card.addEventListener(name, () => moving.play().catch(() => {}));
    for (const name of ["mouseleave", "blur"]) card.addEventListener(name, () => moving.pause());
    card.append(moving);
  } else if (still) card.append(still);
  const words = make("div", {}, make("b", {}, `${row.subject.replace("-", " ")}`), make("small", {}, title(job)));
  if (row.warnings.length) words.append(make("small", { className: "warn" }, row.warnings.length === 1 ? "1 warning" : `${row.warnings.length} warnings`));
  card.append(words);
  return make("li", {}, card);
}

const fileOf = (job, name) => `/api/jobs/${job.id}/files/${name.split("/").map(encodeURIComponent).join("/")}`;

async function act(path, method) {
  try { await ask(path, method); } catch (error) { say(error.message, true); }
  await refresh();
}

async function refresh() {
  clearTimeout(state.timer);
  try {
    const jobs = await ask("/api/jobs"), said = JSON.stringify(jobs);
    if (said !== state.said) {
      [state.jobs, state.said] = [jobs, said];
      const open = jobs.filter((job) => job.state !== "done" || job.failures.length);
      $("#work").hidden = !open.length;
      $("#work ul").replaceChildren(...open.map(jobCard));
      const done = jobs.flatMap((job) => (running(job) ? [] : job.results.map((row, k) => resultCard(job, row, k))));
      $("#results ul").replaceChildren(...done);
      $("#results > p").hidden = done.length > 0;
      $("main").classList.toggle("empty", !done.length && !open.length);
      route();
    }
    state.timer = setTimeout(refresh, jobs.some(running) ? EAGER_MS : LAZY_MS);
  } catch (error) {
    say(error.message, true);
    state.timer = setTimeout(refresh, 3000);
  }
}

function route() {
  const [, id, number] = location.hash.slice(1).split("/"), job = state.jobs.find((one) => one.id === id), row = job?.results[number];
  $("#show").hidden = !row;
  document.body.style.overflow = row ? "hidden" : "";
  const frame = $("#show iframe"), address = row ? `/view/${job.id}/${Number(number)}` : "about:blank";
  if (frame.dataset.address !== address) {
    frame.dataset.address = address;
    frame.contentWindow.location.replace(address); // no step of its own in the history
    $("#downloads").open = false;
  }
  if (!row) return;
  $("#show h2").textContent = title(job);
  const tabs = job.results.map((one, k) => make("button", { type: "button", "aria-pressed": String(k === Number(number)), onclick: () => { location.hash = `/${job.id}/${k}`; } }, one.subject.replace("-", " ")));
  $("#tabs").replaceChildren(...(tabs.length > 1 ? tabs : []));
  const total = job.results.reduce((sum, one) => sum + one.bytes, 0);
  $("#downloads .sheet").replaceChildren(
    make("a", { className: "all", href: `/api/jobs/${job.id}/zip` }, "Everything as ZIP", make("small", {}, bytes(total))),
    ...row.files.map((file) => make("a", { href: fileOf(job, file.name) }, make("span", {}, file.name.split("/").pop(), make("small", {}, USES[file.name.split(".").pop()] || "")), make("small", {}, bytes(file.bytes)))));
}

async function remove() {
  const id = location.hash.split("/")[1];
  if (!confirm("Delete this result and all its files?")) return;
  location.hash = "";
  await act(`/api/jobs/${id}`, "DELETE");
}

function listen() {
  $("#choose").onclick = () => $("#files").click();
  $("#files").onchange = (event) => { add(event.target.files); event.target.value = ""; };
  $("#camera").onclick = () => {
    const film = state.kind.most === 1;
    if (usable()) return shoot(film, (file) => add([file]));
    // Browsers open the camera to pages of this computer or of https alone; phones have their own way.
    const input = make("input", { type: "file", accept: film ? "video/*" : "image/*", onchange: () => add(input.files) });
    input.setAttribute("capture", "user");
    input.click();
  };
  $("#go").onclick = go;
  $("#back").onclick = () => { location.hash = ""; };
  $("#delete").onclick = remove;
  window.addEventListener("hashchange", route);
  window.addEventListener("keydown", (event) => { if (event.key === "Escape" && !$("#show").hidden) location.hash = ""; });
  window.addEventListener("focus", refresh);
  for (const name of ["dragenter", "dragover"]) window.addEventListener(name, (event) => { event.preventDefault(); $("#drop").classList.add("over"); });
  for (const name of ["dragleave", "drop"]) window.addEventListener(name, (event) => { event.preventDefault(); if (name === "drop" || !event.relatedTarget) $("#drop").classList.remove("over"); });
  window.addEventListener("drop", (event) => add(event.dataTransfer.files));
  window.addEventListener("paste", (event) => add(event.clipboardData.files));
  setInterval(() => document.querySelectorAll("[data-since]").forEach((clock) => { clock.textContent = seconds(Math.max(0, Date.now() / 1000 - Number(clock.dataset.since))); }), 1000);
  $("#kinds").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const names = state.kinds.map((kind) => kind.name), next = names[(names.indexOf(state.kind.name) + step + names.length) % names.length];
    pick(next);
    $(`#kinds [value="${next}"]`).focus();
  });
}

async function begin() {
  const { kinds, limits } = await ask("/api/state");
  Object.assign(state, { kinds, limits });
  $("#kinds").append(...kinds.map((kind) => make("button", { type: "button", role: "radio", value: kind.name, title: kind.words, onclick: () => pick(kind.name) },
    drawing(kind.name), make("b", {}, kind.title), make("small", {}, kind.words))));
  const hours = limits.keep_hours, kept = hours >= 48 ? `${Math.round(hours / 24)} days` : hours >= 2 ? `${Math.round(hours)} hours` : `${Math.round(hours * 60)} minutes`;
  $("#privacy").textContent = `Nothing leaves the computer that runs maquette. Photos are deleted when their work has ended, results after ${kept}.`;
  listen();
  pick(kinds[0].name);
  await refresh();
  document.body.dataset.ready = "1";
}

begin().catch((error) => say(error.message, true));
