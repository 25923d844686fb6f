/** Shows the page of git-datmo in a frame of a notebook, and passes its questions to the kernel. */

function render({ model, el }) {
  const name = String(Math.random()).slice(2);
  const frame = document.createElement("iframe");
  frame.title = "Experiments";
  frame.setAttribute("sandbox", model.get("sandbox"));
  frame.style.cssText = `${model.get("style")}; height: ${model.get("height")}px`;

  const ask = (event) => {
    if (event.source === frame.contentWindow && event.data?.datmo) model.send({ ...event.data.datmo, frame: name });
  };
  const pass = (message, buffers) => {
    if (message.frame !== undefined && message.frame !== name) return;
    // Buffers may be views of a larger one.
    const bytes = buffers?.length ? new Uint8Array(buffers[0].buffer ?? buffers[0], buffers[0].byteOffset ?? 0, buffers[0].byteLength).slice().buffer : undefined;
    if (message.kind === "page") frame.srcdoc = new TextDecoder().decode(bytes);
    else frame.contentWindow?.postMessage({ datmo: message, bytes }, "*");
  };
  window.addEventListener("message", ask);
  model.on("msg:custom", pass);
  el.append(frame);
  model.send({ id: 0, kind: "page", name: "", frame: name });

  return () => {
    window.removeEventListener("message", ask);
    model.off("msg:custom", pass);
    model.send({ id: 0, kind: "leave", name: "", frame: name });
  };
}

export default { render };
