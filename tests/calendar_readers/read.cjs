// Prints the identifier, start and end (Unix time) of each event of the calendar files on standard input.
const ICAL = require("./ical.es5.min.cjs");
const files = JSON.parse(require("node:fs").readFileSync(0, "utf-8"));
const found = [];
for (const file of files) {
  const calendar = new ICAL.Component(ICAL.parse(file));
  for (const component of calendar.getAllSubcomponents("vevent")) {
    const event = new ICAL.Event(component);
    found.push([event.uid, event.startDate.toUnixTime(), event.endDate.toUnixTime()]);
  }
}
console.log(JSON.stringify(found));
