// Draws the 24-hour chart: Vega with its expression interpreter, so that nothing needs eval. If anything goes wrong,
// the same chart comes as a picture from the server; the table is there in any case.
(() => {
  const chart = document.getElementById("drawing");
  if (!chart) return;

  const showPicture = () => {
    const picture = document.createElement("img");
    picture.className = "chart__picture";
    picture.alt = "";
    picture.src = chart.dataset.picture;
    chart.replaceChildren(picture);
  };

  const draw = async () => {
    const answer = await fetch(chart.dataset.spec, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`the chart's data came with status ${answer.status}`);
    const spec = await answer.json();
    const room = chart.querySelector(".chart__room");
    const canvas = document.createElement("div");
    canvas.className = "chart__canvas";
    canvas.setAttribute("aria-hidden", "true"); // the drawing's own label and the table say it better
    chart.append(canvas);
    await vegaEmbed(canvas, spec, {
      ast: true,
      renderer: "svg",
      actions: false,
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    });
    room.remove();
    chart.querySelector(".chart__wait").remove();
  };

  draw().catch((error) => {
    console.error(error);
    showPicture();
  });

  // On paper the table stands open.
  const table = document.getElementById("table");
  let wasOpen = false;
  window.addEventListener("beforeprint", () => {
    wasOpen = table.open;
    table.open = true;
  });
  window.addEventListener("afterprint", () => {
    table.open = wasOpen;
  });
})();
