// As `cargo xtask peers` counts: `ok CASE` or `FAILED CASE: why`.
module.exports = class {
  onTestEnd(test, result) {
    const name = `${test.parent.project().name}: ${test.title}`;
    if (result.status === 'skipped') return undefined;
    if (result.status === 'passed') return console.log(`ok ${name}`);
    const why = (result.error?.message ?? result.status).replace(/\u001b\[\d+m/g, '').replace(/\s+/g, ' ');
    console.error(result.error?.stack ?? '', result.attachments.map((one) => `${one.name}: ${one.body?.toString() ?? one.path}`).join('\n'));
    return console.log(`FAILED ${name}: ${why}`);
  }

  onError(error) { console.log(`FAILED playwright: ${(error.message ?? error.value).replace(/\s+/g, ' ')}`); }
};
