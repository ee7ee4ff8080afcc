// The camera of this computer or phone: photos, or a clip of at most twenty seconds.
const LONGEST_S = 20;
const dialog = document.getElementById("shoot"), video = dialog.querySelector("video"), words = dialog.querySelector("p");
const [take, close] = dialog.querySelectorAll("button");
let stream, recorder, count, ended;

export const usable = () => Boolean(navigator.mediaDevices?.getUserMedia);

// Opens the dialog; every photo or clip is handed over as a File.
export async function shoot(film, hand) {
  count = 0;
  words.textContent = "";
  take.textContent = film ? "Record" : "Take a photo";
  take.disabled = true;
  dialog.showModal();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, height: { ideal: 1080 }, facingMode: "user" } });
    video.srcObject = stream;
    await video.play();
    take.disabled = false;
  } catch (error) {
    words.textContent = error.name === "NotAllowedError" ? "The browser was not allowed to use the camera." : "No camera was found.";
  }
  take.onclick = () => (film ? record(hand) : photo(hand));
}

function photo(hand) {
  const sheet = document.createElement("canvas");
  sheet.width = video.videoWidth;
  sheet.height = video.videoHeight;
  sheet.getContext("2d").drawImage(video, 0, 0);
  sheet.toBlob((blob) => {
    count += 1;
    hand(new File([blob], `camera-${count}.jpg`, { type: "image/jpeg" }));
    words.textContent = count === 1 ? "One photo taken." : `${count} photos taken.`;
  }, "image/jpeg", 0.93);
}

function record(hand) {
  if (recorder?.state === "recording") return recorder.stop();
  const parts = [], begun = performance.now();
  recorder = new MediaRecorder(stream);
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = () => {
    clearInterval(ended);
    take.textContent = "Record";
    const type = recorder.mimeType.split(";")[0];
    hand(new File(parts, `camera.${type.endsWith("mp4") ? "mp4" : "webm"}`, { type }));
    dialog.close();
  };
  recorder.start(500);
  take.textContent = "Stop";
  ended = setInterval(() => {
    const passed = (performance.now() - begun) / 1000;
    words.textContent = `${passed.toFixed(0)} of at most ${LONGEST_S} seconds`;
    if (passed >= LONGEST_S) recorder.stop();
  }, 200);
}

close.onclick = () => dialog.close();
dialog.addEventListener("close", () => {
  clearInterval(ended);
  if (recorder?.state === "recording") recorder.stop();
  stream?.getTracks().forEach((track) => track.stop());
  stream = undefined;
});
