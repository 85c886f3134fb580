export type {
  ActiveBlob,
  ErrorSummary,
  EventListener,
  ImageState,
  PlanSummary,
  TransferEvent,
} from './events.ts';
