import type { Emit, Rule } from '../rules/rule.ts'

/** `docs/rule-packs.md`, made from the rules themselves so that the page cannot fall behind them. */
export function rulePackPage(rules: readonly Rule[]): string {
  const packOf = (rule: Rule): string => rule.id.slice(0, rule.id.indexOf('.'))
  const packs = [...new Set(rules.map(packOf))].toSorted()
  const techniques = new Set(rules.flatMap((rule) => rule.emits.map(nameOf)))
  techniques.delete('')
  const sections = packs.map((pack) =>
    sectionOf(
      pack,
      rules.filter((rule) => packOf(rule) === pack),
    ),
  )
  const samples = rules.reduce((sum, rule) => sum + rule.samples.length, 0)
  return `${head(rules.length, samples, techniques.size)}\n${sections.join('\n')}`
}

function head(rules: number, samples: number, techniques: number): string {
  return `# Rule packs

${rules} native rules with ${samples} samples of their own, ${techniques} techniques of ATT&CK. This page is made by
\`node --import tsx scripts/rule-packs.ts\`; the words are the rules' own.

- Confidence is our judgement, not a measurement, of how often the technique is really what was seen
  on a system in use. What administrators do every day stays at 0.6 or below; on a decoy the same
  line means more, so read it beside the decoy's name.
- Shell rules read \`shell_line\` and \`shell_commands\`: the line without quotes, escapes, prefixes and
  encodings, every simple command by itself. Web rules read \`url_decoded\` and \`http_decoded\`.
- Alerts become tags: by the techniques they name, else by the name of their rule; not once they
  are judged false.
- Purple-team tests become none. A test says what should be seen; counting it as seen would make
  every exercise its own proof. Write a rule with \`applies_to: [test]\` and
  \`technique_from: technique_id\` if you want it otherwise.
- Thresholds, lists and mappings are in the files: change them there, or overlay them.
- The Windows pack was written with the recordings of OTRF Security-Datasets at hand: it sees 50 of
  59 by their label. That shows it works on real logs, not how it does on others.
`
}

function sectionOf(pack: string, rules: readonly Rule[]): string {
  const rows = rules.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(rowOf)
  const kinds = [...new Set(rules.flatMap((rule) => rule.kinds ?? []))].toSorted().join(', ')
  return `## ${pack}

Reads ${kinds}.

| rule | what it sees | severity | techniques (confidence) |
|---|---|---|---|
${rows.join('\n')}
`
}

function rowOf(rule: Rule): string {
  const emits = rule.emits.map(
    (emit) => `${nameOf(emit) || emit.techniqueFrom} (${emit.confidence})`,
  )
  return `| \`${rule.id}\` | ${rule.name} | ${rule.severity} | ${emits.join(', ')} |`
}

function nameOf(emit: Emit): string {
  return emit.subTechniqueId || emit.techniqueId
}
