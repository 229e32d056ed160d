// A form drawn from a JSON Schema, and what was changed in it.

export function drawOptions(place, schema) {
  place.replaceChildren();
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, option]) => {
    const known = resolved(option, schema);
    if (known.format === "path") return [];
    const { input, read } = control(known);
    const label = document.createElement("label");
    const help = document.createElement("small");
    help.id = `help-${name}`;
    help.textContent = option.description ?? "";
    input.name = name;
    input.setAttribute("aria-describedby", help.id);
    label.append(option.title ?? name, input);
    const field = document.createElement("div");
    field.append(label, help);
    place.append(field);
    return [{ name, read, default: option.default, input }];
  });
  return () => {
    const changed = {};
    for (const field of fields) {
      const value = field.read();
      if (JSON.stringify(value) !== JSON.stringify(field.default ?? null)) changed[field.name] = value;
    }
    return changed;
  };
}

function resolved(option, schema) {
  if (option.$ref) return { ...resolved(schema.$defs[option.$ref.split("/").pop()], schema), default: option.default };
  const choices = option.anyOf?.filter((choice) => choice.type !== "null");
  if (choices?.length === 1) return { ...resolved(choices[0], schema), default: option.default, optional: true };
  return option;
}

function control(option) {
  const value = option.default ?? null;
  if (option.enum) {
    const input = document.createElement("select");
    for (const choice of option.optional ? [null, ...option.enum] : option.enum) {
      input.add(new Option(choice ?? "automatic", JSON.stringify(choice), false, choice === value));
    }
    return { input, read: () => JSON.parse(input.value) };
  }
  const input = document.createElement("input");
  if (option.type === "boolean") {
    Object.assign(input, { type: "checkbox", checked: value === true });
    return { input, read: () => input.checked };
  }
  if (option.type === "integer" || option.type === "number") {
    Object.assign(input, { type: "number", step: option.type === "integer" ? 1 : "any", value: value ?? "" });
    if (option.minimum ?? option.exclusiveMinimum) input.min = option.minimum ?? option.exclusiveMinimum;
    if (option.maximum !== undefined) input.max = option.maximum;
    input.required = !option.optional;
    input.placeholder = option.optional ? "automatic" : "";
    return { input, read: () => (input.value === "" ? null : Number(input.value)) };
  }
  const isText = option.type === "string";
  input.value = value === null ? "" : isText ? value : JSON.stringify(value);
  const parse = () => {
    if (input.value === "") return isText && !option.optional ? "" : null;
    if (isText) return input.value;
    try {
      return JSON.parse(input.value);
    } catch {
      return input.value;
    }
  };
  return { input, read: parse };
}
