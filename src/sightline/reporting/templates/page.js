// Sorts tables by their headings, and shows the title of a picture at once, on a tap too.
const shown = (cell) => cell.textContent.trim();
// The first node of a cell with a number is the number; an interval follows it.
const number = (cell) => parseFloat(cell.firstChild?.textContent.replaceAll(",", ""));

function sort(table, rows, head) {
  const before = head.ariaSort, column = head.cellIndex;
  const isNumber = head.classList.contains("n");
  const [first, second] = isNumber ? ["descending", "ascending"] : ["ascending", "descending"];
  const next = { [first]: second, [second]: null }[before];
  for (const other of table.tHead.rows[0].cells) other.ariaSort = null;
  head.ariaSort = next === undefined ? first : next;
  const sign = head.ariaSort === "descending" ? -1 : 1;
  const compare = (a, b) => {
    const [left, right] = [a.cells[column], b.cells[column]];
    if (!isNumber) return sign * shown(left).localeCompare(shown(right), "en", { numeric: true });
    const [low, high] = [number(left), number(right)];
    return isNaN(low) - isNaN(high) || sign * (low - high) || 0;
  };
  table.tBodies[0].append(...(head.ariaSort ? rows.toSorted(compare) : rows));
}

for (const table of document.querySelectorAll("table:has(thead)")) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < 3) continue;
  for (const head of table.querySelectorAll("[data-sort]")) {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, rows, head));
    head.append(button);
  }
}

const hint = document.createElement("div");
hint.className = "hint";
hint.hidden = true;
hint.ariaHidden = "true"; // the alternative text of the picture says the same
document.body.append(hint);
const hide = () => { hint.hidden = true; };
for (const image of document.querySelectorAll("img[title]")) {
  const text = image.title;
  image.removeAttribute("title");
  image.addEventListener("mouseover", () => {
    hint.textContent = text;
    hint.hidden = false;
    const box = image.getBoundingClientRect(), most = innerWidth - hint.offsetWidth - 8;
    hint.style.left = `${Math.max(8, Math.min(box.left, most))}px`;
    const above = box.top - hint.offsetHeight - 6;
    hint.style.top = `${above < 0 ? box.bottom + 6 : above}px`;
  });
  image.addEventListener("mouseout", hide);
}
addEventListener("scroll", hide, { passive: true });
addEventListener("keydown", hide);
