// What a user does on a page. Evaluated for every move; the result is an object with what was done, or null where there is
// nothing to do it to.
((verb, target, value, past) => {
  const all = (root, found = []) => {
    for (const element of root.querySelectorAll('*')) {
      found.push(element);
      if (element.shadowRoot) all(element.shadowRoot, found);
    }
    return found;
  };
  const isVisible = (element) => {
    const { width, height } = element.getBoundingClientRect();
    const { visibility, display } = getComputedStyle(element);
    return width > 0 && height > 0 && visibility !== 'hidden' && display !== 'none';
  };
  const BUTTON = 'button, a[href], [role=button], input[type=submit], input[type=button], input[type=image], summary';
  const words = (element) => {
    const own = element.matches('input') ? element.value || element.alt : element.innerText;
    return (own || element.getAttribute('aria-label') || element.title || '').replace(/\s+/g, ' ').trim();
  };
  const name = (element) => {
    const id = element.id ? `#${element.id}` : element.name ? `[name=${element.name}]` : '';
    return `${element.localName}${id}`;
  };
  const find = (wanted, clickable) => {
    if (!wanted.startsWith('text=')) {
      const roots = [document, ...all(document).map((element) => element.shadowRoot).filter(Boolean)];
      const found = roots.flatMap((root) => [...root.querySelectorAll(wanted)]);
      return found.find(isVisible) ?? null;
    }
    const sought = wanted.slice(5).trim().toLowerCase();
    const found = all(document).filter((element) => isVisible(element) && words(element).toLowerCase().includes(sought));
    if (clickable) {
      const button = found.find((element) => element.matches(BUTTON));
      if (button) return button;
    }
    // The innermost: it comes last among those that hold it.
    return found.at(-1) ?? null;
  };
  const fill = (element, text) => {
    element.focus();
    const kind = element.localName === 'textarea' ? HTMLTextAreaElement : element.localName === 'select' ? HTMLSelectElement : HTMLInputElement;
    // Past what a framework laid over the property, as a keyboard does.
    Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(element, text);
    element.dispatchEvent(new InputEvent('input', { bubbles: true, composed: true, data: text, inputType: 'insertText' }));
    element.dispatchEvent(new Event('change', { bubbles: true }));
  };
  const click = (element) => {
    element.scrollIntoView({ block: 'center' });
    element.focus?.();
    element.click();
  };
  if (verb === 'state') {
    return { ready: document.readyState === 'complete', url: location.href, secure: isSecureContext };
  }
  if (verb === 'leave') {
    document.activeElement?.blur?.();
    return { done: true };
  }
  if (verb === 'see') return find(target, false) ? { done: target } : null;
  if (verb === 'fill') {
    const element = find(target, false);
    if (!element || element.disabled || element.readOnly) return null;
    fill(element, value);
    return { done: target };
  }
  if (verb === 'click') {
    const element = find(target, true);
    if (!element || element.disabled) return null;
    click(element);
    return { done: target };
  }
  // What looks right: names and addresses into their fields, consent where it is demanded, and the likeliest button that was
  // not clicked yet.
  const did = [];
  for (const element of all(document)) {
    if (!element.matches('input') || !isVisible(element) || element.disabled || element.readOnly) continue;
    if (element.type === 'checkbox' && element.required && !element.checked) {
      click(element);
      did.push(`ticked ${name(element)}`);
    }
    if (!['text', 'email', ''].includes(element.type) || element.value) continue;
    const label = [...(element.labels ?? [])].map((one) => one.innerText).join(' ');
    const hints = [element.name, element.id, element.autocomplete, element.placeholder, element.getAttribute('aria-label'), label];
    const about = hints.join(' ');
    if (!element.required && !/user|e-?mail|login|account|name/i.test(about)) continue;
    const text = element.type === 'email' || /e-?mail/i.test(about) ? `matrix-${value}@example.test` : `matrix-${value}`;
    fill(element, text);
    did.push(`filled ${name(element)} with ${text}`);
  }
  const buttons = all(document).filter((element) => element.matches(BUTTON) && isVisible(element) && !element.disabled);
  const likely = [/passkey|security key|webauthn|fido/i, /sign ?up|register|create/i, /^(continue|next|submit)$/i];
  const away = /sign ?in|log ?in|delete|remove|cancel|without|instead/i;
  for (const pattern of likely) {
    const fits = (element) => pattern.test(words(element)) && !away.test(words(element));
    const button = buttons.find((element) => fits(element) && !past.includes(`clicked ${words(element)}`));
    if (button) {
      did.push(`clicked ${words(button)}`);
      click(button);
      return { did };
    }
  }
  return did.length ? { did } : null;
})
