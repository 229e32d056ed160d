"use strict";

// One figure at a time; without this script all of them are shown.
const choice = document.getElementById("choice");
function showFigure() {
  for (const section of document.querySelectorAll("section.figure")) {
    section.hidden = section.id !== choice.value;
  }
}
choice.addEventListener("change", showFigure);
choice.parentElement.hidden = false;
showFigure();

// Rows by the values of a column: what is no number comes last in either direction.
function compare(a, b, kind, direction) {
  if (kind === "text") {
    return direction * a.localeCompare(b, undefined, { numeric: true });
  }
  const [x, y] = [a, b].map((text) => Number(text.replace("inf", "Infinity")));
  if (Number.isNaN(x) || Number.isNaN(y)) {
    return Number.isNaN(x) - Number.isNaN(y);
  }
  return x === y ? 0 : direction * (x < y ? -1 : 1);
}

function sortBy(header) {
  const kind = header.dataset.kind;
  const first = kind === "text" ? "ascending" : "descending";
  const other = kind === "text" ? "descending" : "ascending";
  const order = header.getAttribute("aria-sort") === first ? other : first;
  for (const sibling of header.parentElement.querySelectorAll("[aria-sort]")) {
    sibling.setAttribute("aria-sort", "none");
  }
  header.setAttribute("aria-sort", order);
  const column = header.cellIndex;
  const body = header.closest("table").tBodies[0];
  const rows = [...body.rows];
  const value = (row) => row.cells[column].dataset.value;
  rows.sort((a, b) => compare(value(a), value(b), kind, order === "ascending" ? 1 : -1));
  body.append(...rows);
}
for (const button of document.querySelectorAll("table.sortable th button")) {
  button.addEventListener("click", () => sortBy(button.parentElement));
}

// One sound at a time.
const sounds = [...document.querySelectorAll("audio")];
for (const sound of sounds) {
  sound.addEventListener("play", () => {
    for (const other of sounds) {
      if (other !== sound) {
        other.pause();
      }
    }
  });
}
