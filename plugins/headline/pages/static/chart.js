// A chart that is drawn again here answers to the pointer; where Vega is not there, the server's picture stays. `ast`: Vega
// interprets its expressions, since a page may not make code from text. No style is added: those of the page apply.
const tooltip = {theme: "page", disableDefaultStyle: true};
const options = {ast: true, renderer: "svg", actions: false, defaultStyle: false, logLevel: 1, tooltip};

const draw = async (figure) => {
  const spec = {...JSON.parse(figure.dataset.spec), width: "container", autosize: {type: "fit-x", contains: "padding"}};
  const label = figure.querySelector("svg").getAttribute("aria-label");
  const place = document.createElement("div");
  place.className = "live";
  figure.append(place);
  try {
    await vegaEmbed(place, spec, options);
    const drawn = place.querySelector("svg");
    drawn.setAttribute("role", "img");
    drawn.setAttribute("aria-label", label);
    for (const picture of figure.querySelectorAll(".wide, .narrow")) picture.remove();
  } catch (error) {
    place.remove();
    console.warn("the chart stays a picture:", error);
  }
};

if (globalThis.vegaEmbed) for (const figure of document.querySelectorAll("figure.chart")) draw(figure);
