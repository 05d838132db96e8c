/**
 * Messages to CDR as ROS 2 has it (XCDR1, little-endian). @foxglove/rosmsg2-serialization counts a text's characters
 * where bytes are wanted, and so cuts every text that is not ASCII.
 */
import { parse } from '@foxglove/rosmsg';
import { CdrMemory, type CdrSink, CdrSize, isPrimitive } from './cdr-memory.js';
import { fullDefinition } from './definitions.js';

type Definitions = ReturnType<typeof parse>;
type Field = Definitions[number]['definitions'][number];

/** A writer for messages of a type such as `aid_msgs/msg/Clip`. */
export function messageWriter(type: string, memory?: CdrMemory): CdrMessageWriter {
  return new CdrMessageWriter(parse(fullDefinition(type), { ros2: true }), memory);
}

export class CdrMessageWriter {
  readonly #definitions: Definitions;
  readonly #memory: CdrMemory;

  /**
   * The first definition is the message's, the others those of its parts, as `parse` gives them. Writers of which
   * each message is done with before the next is written may share their memory.
   */
  constructor(definitions: Definitions, memory = new CdrMemory()) {
    this.#definitions = definitions;
    this.#memory = memory;
  }

  /** Errors: `TypeError` for a field that is missing or of another type. */
  write(message: object): Uint8Array {
    return this.writeOver(message).slice();
  }

  /** As `write`, in memory that the next message overwrites. */
  writeOver(message: object): Uint8Array {
    const size = new CdrSize();
    this.#message(size, this.#definitions[0], message);
    this.#memory.start(size.bytes);
    this.#message(this.#memory, this.#definitions[0], message);
    return this.#memory.written;
  }

  #message(sink: CdrSink, definition: Definitions[number] | undefined, message: object): void {
    if (definition === undefined) throw new TypeError('a message without its definition');
    const fields = definition.definitions.filter(({ isConstant }) => isConstant !== true);
    // An empty structure has one byte.
    if (fields.length === 0) sink.number('uint8', 0);
    for (const field of fields) {
      const value = (message as Record<string, unknown>)[field.name];
      if (value === undefined) throw new TypeError(`${field.name}: missing`);
      if (field.isArray === true) this.#array(sink, field, value as ArrayLike<unknown>);
      else this.#value(sink, field.type, value);
    }
  }

  #array(sink: CdrSink, { name, type, arrayLength }: Field, values: ArrayLike<unknown>): void {
    if (arrayLength === undefined) sink.number('uint32', values.length);
    else if (values.length !== arrayLength)
      throw new TypeError(`${name}: expected ${arrayLength} values, got ${values.length}`);
    if (type === 'uint8' && values instanceof Uint8Array) sink.raw(values);
    else for (let i = 0; i < values.length; i++) this.#value(sink, type, values[i]);
  }

  #value(sink: CdrSink, type: string, value: unknown): void {
    if (type === 'string') {
      sink.text(value as string);
    } else if (type === 'time' || type === 'duration') {
      const { sec, nanosec } = value as { sec: number; nanosec: number };
      sink.number('int32', sec);
      sink.number('uint32', nanosec);
    } else if (isPrimitive(type)) {
      sink.number(type, value as number | bigint | boolean);
    } else {
      const definition = this.#definitions.find(({ name }) => name === type);
      this.#message(sink, definition, value as object);
    }
  }
}
