/** The committed metadata of a process only grows while the process lives. */
import type { SimNode } from '../cluster/index.ts';
import type { Micros } from '../world/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'metadata-went-back';

export const metadataWentBack: StateCheckerKind = {
  name: NAME,
  sentence: 'the committed metadata of a process never shrinks',
  make: (scope) => new MetadataWentBack(scope),
};

/** The committed offsets of one process. */
interface Reached {
  readonly bornUs: Micros;
  quorum: number;
  controller: number;
  broker: number;
}

class MetadataWentBack {
  private readonly scope: StateScope;
  private readonly reached = new Map<SimNode, Reached>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    const { roles, life } = node;
    if (roles === undefined || life === undefined) return;
    let reached = this.reached.get(node);
    if (reached?.bornUs !== life.bornUs) {
      reached = { bornUs: life.bornUs, quorum: -1, controller: -1, broker: -1 };
      this.reached.set(node, reached);
    }
    const { controller, broker } = roles;
    const quorum = controller?.quorum?.highWatermark ?? -1;
    const image = controller?.controller.image.offset ?? -1;
    const brokerImage = broker?.metadata.offset ?? -1;
    if (quorum < reached.quorum) this.fail(node, 'quorum high watermark', reached.quorum, quorum);
    if (image < reached.controller) this.fail(node, 'controller image', reached.controller, image);
    if (brokerImage < reached.broker) this.fail(node, 'broker image', reached.broker, brokerImage);
    reached.quorum = quorum;
    reached.controller = image;
    reached.broker = brokerImage;
  }

  private fail(node: SimNode, what: string, before: number, now: number): never {
    this.scope.world.fail(NAME, `the ${what} of ${node.name} went from ${before} back to ${now}`);
  }
}
