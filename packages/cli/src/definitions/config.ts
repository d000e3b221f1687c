/** Defines `millrace config …`. */
import type { Command } from 'commander';
import { bootstrapOption, collectSetting, command, jsonOption, wholeNumber } from './options.ts';

const BOOTSTRAP = '-b localhost:9092';
const load = () => import('../commands/config.ts');

export function addConfig(program: Command): void {
  const config = command(
    program,
    'config',
    'Shows and changes the configs of topics, brokers, loggers and groups, without a restart.',
  );
  ofResource(
    command(
      config,
      'get',
      'Shows the configs that the resource sets, or the named ones, with their sources.',
    ),
  )
    .argument('[names...]', 'default: the configs that the resource sets')
    .option('--all', 'show every config')
    .addOption(jsonOption())
    .addHelpText('after', `\nExample:\n  millrace config get --topic orders ${BOOTSTRAP}`)
    .action(async (names, options) => (await load()).configGet(names, options));
  ofResource(command(config, 'set', 'Sets configs: all of them, or none if one is refused.'))
    .argument('<key=value...>', 'configs with their values', collectSetting)
    .option('--dry-run', 'only ask whether the values are allowed')
    .addHelpText(
      'after',
      `\nExample:\n  millrace config set --topic orders retention.ms=3600000 ${BOOTSTRAP}`,
    )
    .action(async (settings, options) => (await load()).configSet(settings, options));
  ofResource(
    command(
      config,
      'unset',
      'Removes configs from the resource. Each then has its inherited value or its default.',
    ),
  )
    .argument('<names...>')
    .option('--dry-run', 'only ask whether the configs can be removed')
    .addHelpText('after', `\nExample:\n  millrace config unset --all-brokers max.connections ${BOOTSTRAP}`)
    .action(async (names, options) => (await load()).configUnset(names, options));
}

function ofResource(subcommand: Command): Command {
  return subcommand
    .addOption(bootstrapOption())
    .option('-t, --topic <name>', 'the configs of this topic')
    .option('--broker <id>', 'the dynamic configs of this broker', wholeNumber(0, 2_147_483_647))
    .option('--all-brokers', 'the dynamic configs of all brokers')
    .option(
      '--broker-loggers <id>',
      'the levels of the loggers of this broker',
      wholeNumber(0, 2_147_483_647),
    )
    .option('-g, --group <id>', 'the configs of this consumer group');
}
