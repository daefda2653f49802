// A photo, nine numbers of a kernel, and what the kernel makes of the photo.

// The same as apply_kernel and visible in Python: borders repeated, sign dropped, cut off at 255.
function filtered(photo, width, kernel) {
  const height = photo.length / width;
  const result = new Uint8ClampedArray(photo.length);
  const inside = (place, size) => Math.min(Math.max(place, 0), size - 1);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (let place = 0; place < 9; place++) {
        const y = inside(row + Math.floor(place / 3) - 1, height);
        const x = inside(column + (place % 3) - 1, width);
        sum += kernel[place] * photo[y * width + x];
      }
      result[row * width + column] = Math.floor(Math.min(Math.abs(sum) + 1e-4, 255));
    }
  }
  return result;
}

function draw(canvas, grey, width) {
  const picture = new ImageData(width, grey.length / width);
  for (let pixel = 0; pixel < grey.length; pixel++) {
    picture.data.fill(grey[pixel], 4 * pixel, 4 * pixel + 3);
    picture.data[4 * pixel + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function render({ model, el }) {
  const view = model.get("photo");
  const photo = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const width = model.get("width");
  const kernels = model.get("kernels");

  const size = { width, height: photo.length / width, role: "img" };
  const style = "width: min(288px, 45%); margin-right: 8px";
  const before = element("canvas", { ...size, style, "aria-label": "the photo" });
  const after = element("canvas", { ...size, style, "aria-label": "the photo after the kernel" });

  const names = [...Object.keys(kernels), "your own"].map((name) =>
    element("option", { value: name }, name),
  );
  const choice = element("select", { style: "font: inherit; min-height: 32px" }, ...names);
  const boxes = [...Array(9).keys()].map((place) =>
    element("input", {
      type: "number",
      step: "0.5",
      style: "width: 5.5em; min-height: 32px; font: inherit",
      "aria-label": `row ${Math.floor(place / 3) + 1}, column ${(place % 3) + 1}`,
    }),
  );
  const grid = element(
    "div",
    {
      role: "group",
      "aria-label": "the nine numbers of the kernel",
      style: "display: grid; grid-template-columns: repeat(3, max-content); gap: 4px; margin: 8px 0",
    },
    ...boxes,
  );
  el.append(before, after, element("div", {}, element("label", {}, "Kernel: ", choice)), grid);

  function show() {
    const kernel = model.get("kernel");
    draw(after, filtered(photo, width, kernel), width);
    choice.value = model.get("name");
    boxes.forEach((box, place) => {
      // A box in which somebody types is left alone, or "-" would become 0 before the digit.
      if (document.activeElement !== box) box.value = Math.round(kernel[place] * 1000) / 1000;
    });
  }
  choice.addEventListener("change", () => {
    model.set("name", choice.value);
    if (kernels[choice.value]) model.set("kernel", [...kernels[choice.value]]);
    model.save_changes();
    show();
  });
  boxes.forEach((box, place) =>
    box.addEventListener("input", () => {
      const kernel = [...model.get("kernel")];
      kernel[place] = Number(box.value) || 0;
      model.set("kernel", kernel);
      model.set("name", "your own");
      model.save_changes();
      show();
    }),
  );
  draw(before, photo, width);
  show();
  model.on("change:kernel", show);
  return () => model.off("change:kernel", show);
}

export default { render };
