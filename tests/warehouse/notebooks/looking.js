// What the tests ask of the notebook's page; evaluated in every document before its own scripts.
window.looking = {
    // Every element, inside shadow roots too.
    everywhere(root = document, found = []) {
        for (const one of root.querySelectorAll("*")) {
            found.push(one);
            if (one.shadowRoot) this.everywhere(one.shadowRoot, found);
        }
        return found;
    },

    find(test, root = document) {
        return this.everywhere(root).find(test);
    },

    panels() {
        return [...document.querySelectorAll("[data-plot]")];
    },

    // Marks of a plot that tell a number or that it is hidden: [what they tell, width, height].
    marks(panel) {
        return this.everywhere(panel)
            .filter((one) => one.getAttribute("role") === "graphics-symbol")
            .filter((one) => one.getAttribute("aria-label")?.includes(": "))
            .map((one) => [one.getAttribute("aria-label"), one.getBoundingClientRect()])
            .map(([told, box]) => [told, box.width, box.height]);
    },

    drawn() {
        const told = (panel) => ({ state: panel.dataset.state, words: panel.innerText, marks: this.marks(panel) });
        return Object.fromEntries(this.panels().map((panel) => [panel.dataset.plot, told(panel)]));
    },

    // What the marks of one plot tell.
    told(plot) {
        const panel = document.querySelector(`[data-plot=${plot}]`);
        return panel ? this.marks(panel).map(([told]) => told) : [];
    },

    ready(count) {
        const done = (panel) => panel.dataset.state !== "drawn" || this.marks(panel).length > 0;
        return this.panels().length === count && this.panels().every(done);
    },

    choose(period) {
        this.find((one) => one.getAttribute("role") === "radio" && one.value === period).click();
        return true;
    },

    focusFirstDay() {
        this.find((one) => one.getAttribute("role") === "spinbutton" && one.dataset.type === "day").focus();
        return true;
    },

    lookForRelease() {
        const refresh = this.find((one) => one.tagName === "MARIMO-REFRESH");
        refresh.shadowRoot.querySelector("button").click();
        return true;
    },

    dates(plot) {
        const panel = document.querySelector(`[data-plot=${plot}]`);
        return this.everywhere(panel).filter((one) => one.tagName === "text").map((one) => one.textContent);
    },

    // Panels, tiles and headings that stick out of the window, and plots that stick out of their panel.
    stickingOut() {
        const right = (one) => one.getBoundingClientRect().right;
        const boxes = [...document.querySelectorAll(".engram-panel, .engram-tile, .engram-head")];
        const plots = this.panels().flatMap((panel) =>
            this.everywhere(panel).filter((one) => one.tagName === "svg" && right(one) > right(panel) + 1));
        return boxes.filter((one) => right(one) > window.innerWidth).length + plots.length;
    },
};
